package sigv4

import (
	"bytes"
	"io"
	"net/http"
	"testing"
)

func BenchmarkVerify(b *testing.B) {
	body := []byte(`{"ImportDestination":{"SuppressionListDestination":{"SuppressionListImportAction":"PUT"}},"ImportDataSource":{}}`)
	r := newRequest(b, "POST", "http://localhost:4680/v2/email/import-jobs", nil)
	r.Header.Set("Content-Type", "application/json")
	Sign(r, example, "us-east-1", "ses", HashPayload(body), noon)
	in := received(b, r, body)
	v := verifierAt(noon)
	b.ReportAllocs()
	for b.Loop() {
		in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		if _, err := v.Verify(in, Parse(in), "ses"); err != nil {
			b.Fatalf("Verify: %v", err)
		}
	}
}

func BenchmarkVerifyLink(b *testing.B) {
	u := newRequest(b, "PUT", "http://localhost:4680/bucket/key", nil).URL
	r := newRequest(b, "PUT", Presign("PUT", u, example, "us-east-1", "s3", maxExpiry, nil, noon), nil)
	in := received(b, r, nil)
	v := verifierAt(noon)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(in, Parse(in), "s3"); err != nil {
			b.Fatalf("Verify: %v", err)
		}
	}
}

func BenchmarkBody(b *testing.B) {
	const size = 16 << 20
	for _, hash := range []string{"hashed", streamSigned, streamUnsignedTrailer} {
		b.Run(hash, func(b *testing.B) {
			data := letters(size)
			var r *http.Request
			encoded := data
			if hash == "hashed" {
				r = newRequest(b, "PUT", "http://example.com/bucket/key", nil)
				Sign(r, example, "us-east-1", "s3", HashPayload(data), noon)
			} else {
				r, encoded = upload{hash: hash, data: data, chunk: 64 << 10}.encode(b)
			}
			v := verifierAt(noon)
			window := make([]byte, 32<<10)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				in := received(b, r, encoded)
				if _, err := v.Verify(in, Parse(in), "s3"); err != nil {
					b.Fatalf("Verify: %v", err)
				}
				if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, in.Body, window); n != size || err != nil {
					b.Fatalf("read %d bytes, %v", n, err)
				}
			}
		})
	}
}
