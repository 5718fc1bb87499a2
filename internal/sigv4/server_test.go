package sigv4

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/sluicehq/sluice/internal/fault"
)

// echo verifies against the real clock and answers with what it got.
func echo(v *Verifier) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, body, err := verifyAll(v, r, "s3", "ses")
		if err != nil {
			w.Header().Set("X-Kind", fault.KindOf(err).String())
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if name := r.Header.Get("X-Amz-Trailer"); r.Trailer.Get(name) == "" && (name != "" || r.TLS != nil && len(body) > 0) {
			w.WriteHeader(http.StatusTeapot) // over TLS the client is expected to send a trailer
			return
		}
		w.Header().Set("X-Length", fmt.Sprint(r.ContentLength))
		if r.Method == "PUT" {
			w.Header().Set("Etag", HashPayload(body))
		}
	})
}

// TestOverTheWire uploads with the official client through net/http: over plain HTTP
// the body is hashed, over TLS it comes as unsigned chunks with a trailing checksum.
func TestOverTheWire(t *testing.T) {
	t.Parallel()
	v := NewVerifier(func(key string) (Credentials, bool) { return example, key == example.AccessKey }, Options{})
	for name, start := range map[string]func(*httptest.Server){
		"http": func(s *httptest.Server) { s.Start() },
		"tls":  func(s *httptest.Server) { s.StartTLS() },
		"http2": func(s *httptest.Server) {
			s.EnableHTTP2 = true
			s.StartTLS()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(echo(v))
			start(server)
			defer server.Close()
			client := s3.New(s3.Options{
				Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), UsePathStyle: true, HTTPClient: server.Client(),
				RetryMaxAttempts: 1,
				Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
					return aws.Credentials{AccessKeyID: example.AccessKey, SecretAccessKey: example.Secret}, nil
				}),
			})
			for _, size := range []int{0, 1, 200_000} {
				body := letters(size)
				out, err := client.PutObject(t.Context(), &s3.PutObjectInput{
					Bucket: aws.String("bucket"), Key: aws.String("a+b/ü c=1/~(x).csv"), Body: bytes.NewReader(body),
					ChecksumAlgorithm: types.ChecksumAlgorithmCrc32, Metadata: map[string]string{"note": "two  spaces"},
				})
				if err != nil {
					t.Fatalf("PutObject of %d bytes: %v", size, err)
				}
				if got := aws.ToString(out.ETag); got != HashPayload(body) {
					t.Errorf("PutObject of %d bytes: hash %s arrived, want %s", size, got, HashPayload(body))
				}
			}
			if _, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{
				Bucket: aws.String("bucket"), Prefix: aws.String("a+b/ ~&=%"), Delimiter: aws.String("/"),
			}); err != nil {
				t.Errorf("ListObjectsV2: %v", err)
			}
		})
	}
}

// TestSignOverTheWire sends what Sign signs, with headers that net/http moves.
func TestSignOverTheWire(t *testing.T) {
	t.Parallel()
	v := NewVerifier(func(key string) (Credentials, bool) { return example, key == example.AccessKey }, Options{Now: verifierAt(noon).o.Now})
	server := httptest.NewServer(echo(v))
	defer server.Close()
	for _, known := range []bool{true, false} {
		body := letters(5000)
		r := newRequest(t, "PUT", server.URL+"/a+b?x=1", body)
		c := newSignature(example, "us-east-1", "ses", noon)
		r.Header.Set("X-Amz-Date", c.at)
		r.Header.Set("Expect", "100-continue")
		c.signed = []string{"content-length", "expect", "host", "x-amz-date"}
		if !known {
			r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), -1, []string{"chunked"}
			c.signed = []string{"expect", "host", "transfer-encoding", "x-amz-date"}
		}
		sig := c.sign(r, example.Secret, HashPayload(body))
		r.Header.Set("Authorization", algorithm+" Credential="+c.accessKey+"/"+c.scope()+",SignedHeaders="+
			strings.Join(c.signed, ";")+
			",Signature="+sig)
		out, err := server.Client().Do(r)
		if err != nil {
			t.Fatalf("PUT: %v", err)
		}
		_ = out.Body.Close()
		if out.StatusCode != http.StatusOK || out.Header.Get("X-Length") != "5000" {
			t.Errorf("PUT (length known: %v) = %d, %s, length %s", known, out.StatusCode, out.Header.Get("X-Kind"), out.Header.Get("X-Length"))
		}
	}
}

// TestTrailersOfTheTransfer: nobody signed the trailers of Transfer-Encoding chunked, so
// they must not pass for those of the body.
func TestTrailersOfTheTransfer(t *testing.T) {
	t.Parallel()
	got := make(chan http.Header, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, err := verifyAll(verifierAt(noon), r, "s3"); err != nil {
			t.Errorf("Verify: %v", err)
		}
		got <- r.Trailer
	}))
	defer server.Close()
	signed, encoded := upload{hash: streamUnsignedTrailer, data: letters(10), chunk: 10, trailers: crc}.encode(t)
	r := newRequest(t, "PUT", server.URL+"/bucket/key", nil)
	r.Header, r.Host = signed.Header, signed.URL.Host
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(encoded)), -1
	r.Trailer = http.Header{"X-Amz-Checksum-Crc32c": {"forged"}, "X-Amz-Checksum-Sha1": {"forged"}}
	out, err := server.Client().Do(r)
	if err != nil {
		t.Fatalf("PUT: %v", err)
	}
	_ = out.Body.Close()
	if trailer := <-got; !sameTrailers(trailer, crc) {
		t.Errorf("Trailer = %v, want that of the body alone", trailer)
	}
}
