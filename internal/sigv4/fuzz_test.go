package sigv4

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

// A fuzzer cannot forge HMAC-SHA256, so whatever it makes must be refused, and with a
// kind that is the caller's fault.
func mustRefuse(t *testing.T, r *http.Request) {
	t.Helper()
	v := NewVerifier(func(string) (Credentials, bool) {
		return Credentials{Secret: "a secret that no corpus has", Account: "1"}, true
	}, Options{Now: func() time.Time { return goldenTime }})
	_, err := v.Verify(r, Parse(r), "s3", "ses")
	if err == nil || fault.Is(err, fault.Internal) {
		t.Errorf("Verify(%s %v): %v, want a refusal", r.RequestURI, r.Header, err)
	}
}

func FuzzAuthorization(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"+
		"SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"+
		"Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41", "20130524T000000Z", EmptyPayload)
	f.Add("AWS4-HMAC-SHA256 Credential=a/b/20130524/x/ses/aws4_request, SignedHeaders=host, Signature=0", "20130524T000000Z", "")
	f.Add("AWS4-HMAC-SHA256 Credential=/////, SignedHeaders=;;, Signature=", "", "")
	f.Add("AWS4-HMAC-SHA256 Credential=a/20130524/x/ses/aws4_request, Credential=a/20130524/x/s3/aws4_request,b=1,b=2,c", "", "")
	f.Add("AWS key:signature", "Fri, 24 May 2013 00:00:00 GMT", UnsignedPayload)
	f.Fuzz(func(t *testing.T, authorization, date, hash string) {
		r := httptest.NewRequest("GET", "/test.txt", nil)
		r.Header.Set("Authorization", authorization)
		r.Header.Set("X-Amz-Date", date)
		if hash != "" {
			r.Header.Set("X-Amz-Content-Sha256", hash)
		}
		mustRefuse(t, r)
	})
}

func FuzzLink(f *testing.F) {
	f.Add("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"+
		"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"+
		"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404", "/test.txt")
	f.Add("AWSAccessKeyId=A&Signature=b&Expires=1", "//..")
	f.Add("X-Amz-Signature=&X-Amz-Signature=&%", "/%2f")
	f.Fuzz(func(t *testing.T, query, path string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.RequestURI, r.URL.RawQuery = path, query
		mustRefuse(t, r)
	})
}

// FuzzQuery: an encoded query decodes to itself, and its canonical form is canonical.
func FuzzQuery(f *testing.F) {
	f.Add("b=2&a=x+y&a=%2B&uploads&&=")
	f.Fuzz(func(t *testing.T, raw string) {
		ps, err := parseQuery(raw)
		if err != nil {
			return
		}
		once := appendQuery(nil, ps)
		again, err := parseQuery(string(once))
		if twice := appendQuery(nil, again); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("query %q is %q, and that is %q, %v", raw, once, twice, err)
		}
	})
}

// FuzzChunks decodes anything: signed bodies are never accepted, the rest never
// gives more than was sent, and its end is only one of two.
func FuzzChunks(f *testing.F) {
	for _, u := range uploads {
		u.data = u.data[:min(len(u.data), 100)]
		_, encoded := u.encode(f)
		f.Add(encoded, u.hash != streamUnsignedTrailer, len(u.trailers) > 0, int64(len(u.data)))
	}
	f.Fuzz(func(t *testing.T, encoded []byte, signed, trailing bool, length int64) {
		b := newChunkedBody(io.NopCloser(bytes.NewReader(encoded)), max(length, -1))
		b.trailing = trailing
		if trailing {
			b.announced = []string{"x-amz-checksum-crc32c"}
		}
		if signed {
			c := newSignature(example, "us-east-1", "s3", noon)
			b.signer = newChunkSigner(c, []byte("a key that no corpus has"))
		}
		got, err := io.ReadAll(b)
		if len(got) > len(encoded) || length >= 0 && int64(len(got)) > length {
			t.Errorf("%q of length %d gives %d bytes", encoded, length, len(got))
		}
		if err == nil && (signed && len(encoded) > 0 || length >= 0 && int64(len(got)) != length) {
			t.Errorf("%q (signed %v, length %d) is accepted", encoded, signed, length)
		}
		if err != nil && !fault.Is(err, fault.BodyMismatch) {
			t.Errorf("%q: %v, want BodyMismatch", encoded, err)
		}
	})
}
