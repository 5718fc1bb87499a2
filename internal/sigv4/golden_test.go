package sigv4

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

// goldenTime is when AWS's S3 examples are signed.
var goldenTime = time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)

func goldenRequest(t *testing.T, method, url, signed, signature string, body []byte, headers map[string]string) *http.Request {
	t.Helper()
	r := newRequest(t, method, url, nil)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("X-Amz-Date", "20130524T000000Z")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"+
		"SignedHeaders="+signed+",Signature="+signature)
	return received(t, r, body)
}

// TestGoldenHeaders has the examples of the Amazon S3 API Reference, "Signature
// Calculations for the Authorization Header: Transferring Payload in a Single Chunk".
func TestGoldenHeaders(t *testing.T) {
	t.Parallel()
	const host = "https://examplebucket.s3.amazonaws.com"
	for name, c := range map[string]struct {
		method, url, signed, signature, body string
		headers                              map[string]string
	}{
		"get object": {
			method: "GET", url: host + "/test.txt",
			signed:    "host;range;x-amz-content-sha256;x-amz-date",
			signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
			headers:   map[string]string{"Range": "bytes=0-9", "X-Amz-Content-Sha256": EmptyPayload},
		},
		"put object": {
			method: "PUT", url: host + "/test$file.text", body: "Welcome to Amazon S3.",
			signed:    "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
			signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
			headers: map[string]string{
				"Date": "Fri, 24 May 2013 00:00:00 GMT", "X-Amz-Storage-Class": "REDUCED_REDUNDANCY",
				"X-Amz-Content-Sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
			},
		},
		"get bucket lifecycle": {
			method: "GET", url: host + "/?lifecycle",
			signed:    "host;x-amz-content-sha256;x-amz-date",
			signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
			headers:   map[string]string{"X-Amz-Content-Sha256": EmptyPayload},
		},
		"list objects": {
			method: "GET", url: host + "/?max-keys=2&prefix=J",
			signed:    "host;x-amz-content-sha256;x-amz-date",
			signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
			headers:   map[string]string{"X-Amz-Content-Sha256": EmptyPayload},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := goldenRequest(t, c.method, c.url, c.signed, c.signature, []byte(c.body), c.headers)
			if _, body, err := verifyAll(verifierAt(goldenTime), r, "s3"); err != nil || string(body) != c.body {
				t.Errorf("Verify = %q, %v, want %q", body, err, c.body)
			}
		})
	}
}

// TestGoldenLink has the example of "Authenticating Requests: Using Query Parameters".
func TestGoldenLink(t *testing.T) {
	t.Parallel()
	u := newRequest(t, "GET", "https://examplebucket.s3.amazonaws.com/test.txt", nil).URL
	const want = "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256" +
		"&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z" +
		"&X-Amz-Expires=86400&X-Amz-SignedHeaders=host" +
		"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
	if got := Presign("GET", u, example, "us-east-1", "s3", 24*time.Hour, nil, goldenTime); got != want {
		t.Errorf("Presign = %s, want %s", got, want)
	}
	r := received(t, newRequest(t, "GET", want, nil), nil)
	if _, _, err := verifyAll(verifierAt(goldenTime), r, "s3"); err != nil {
		t.Errorf("Verify: %v", err)
	}
}

// TestGoldenChunks has the examples of "Transferring Payload in Multiple Chunks" and of
// "Including Trailing Headers": 65 KiB of the letter a in chunks of 64 KiB.
func TestGoldenChunks(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte("a"), 66560)
	for name, c := range map[string]struct {
		hash, signed, seed string
		chunks             [3]string
		end                string
		headers            map[string]string
	}{
		"without trailers": {
			hash:   streamSigned,
			signed: "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
			seed:   "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
			chunks: [3]string{
				"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
				"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
				"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
			},
			end:     "\r\n",
			headers: map[string]string{"Content-Length": "66824"},
		},
		"with trailers": {
			hash:   streamSignedTrailer,
			signed: "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
			seed:   "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
			chunks: [3]string{
				"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
				"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
				"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
			},
			end: "x-amz-checksum-crc32c:sOO8/Q==\r\n" +
				"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n",
			headers: map[string]string{"X-Amz-Trailer": "x-amz-checksum-crc32c"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			b.WriteString("10000" + chunkSignature + c.chunks[0] + "\r\n")
			b.Write(data[:65536])
			b.WriteString("\r\n400" + chunkSignature + c.chunks[1] + "\r\n")
			b.Write(data[65536:])
			b.WriteString("\r\n0" + chunkSignature + c.chunks[2] + "\r\n" + c.end)

			c.headers["Content-Encoding"] = "aws-chunked"
			c.headers["X-Amz-Content-Sha256"] = c.hash
			c.headers["X-Amz-Decoded-Content-Length"] = "66560"
			c.headers["X-Amz-Storage-Class"] = "REDUCED_REDUNDANCY"
			r := goldenRequest(t, "PUT", "https://s3.amazonaws.com/examplebucket/chunkObject.txt", c.signed, c.seed, b.Bytes(), c.headers)
			_, got, err := verifyAll(verifierAt(goldenTime), r, "s3")
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("Verify = %d bytes, %v, want the %d bytes", len(got), err, len(data))
			}
			if r.ContentLength != 66560 || r.Header.Get("Content-Encoding") != "" {
				t.Errorf("ContentLength %d, Content-Encoding %q, want 66560 and none", r.ContentLength, r.Header.Get("Content-Encoding"))
			}
			if want := c.headers["X-Amz-Trailer"] != ""; want != (r.Trailer.Get("X-Amz-Checksum-Crc32c") == "sOO8/Q==") {
				t.Errorf("Trailer = %v, want the checksum: %v", r.Trailer, want)
			}

			altered := b.Bytes()
			altered[90] ^= 1
			r = goldenRequest(t, "PUT", "https://s3.amazonaws.com/examplebucket/chunkObject.txt", c.signed, c.seed, altered, c.headers)
			_, _, err = verifyAll(verifierAt(goldenTime), r, "s3")
			wantKind(t, "one bit of data changed", err, fault.BodyMismatch)
		})
	}
}

// TestGoldenIAM has the example of the IAM User Guide, "Create a signed AWS API request"
// (its list-users request), which is of a service other than S3.
func TestGoldenIAM(t *testing.T) {
	t.Parallel()
	key := Credentials{AccessKey: "AKIDEXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", Account: "1"}
	at := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	r := newRequest(t, "GET", "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	Sign(r, key, "us-east-1", "iam", EmptyPayload, at)
	const want = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, " +
		"SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
	if got := r.Header.Get("Authorization"); got != want {
		t.Errorf("Sign = %s, want %s", got, want)
	}
	v := NewVerifier(func(string) (Credentials, bool) { return key, true }, Options{Now: func() time.Time { return at }})
	if id, err := verify(v, received(t, r, nil), "iam"); err != nil || id.Account != "1" {
		t.Errorf("Verify = %+v, %v, want account 1", id, err)
	}
}
