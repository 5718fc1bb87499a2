package sigv4

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/testenv"
)

// upload is an aws-chunked PUT, and what may be odd about it.
type upload struct {
	hash      string
	data      []byte
	chunk     int         // bytes per chunk
	trailers  []parameter // in order
	announced string      // x-amz-trailer, default the names in trailers
	minio     bool        // trailer lines as minio-go writes them
	length    string      // x-amz-decoded-content-length, default that of data
	noLength  bool        // leave it out
	presign   bool
}

// encode returns the signed request and its encoded body.
func (u upload) encode(t testing.TB) (*http.Request, []byte) {
	t.Helper()
	r := newRequest(t, "PUT", "http://example.com/bucket/key", nil)
	r.Header.Set("Content-Encoding", "aws-chunked,gzip")
	if u.length == "" {
		u.length = strconv.Itoa(len(u.data))
	}
	if !u.noLength {
		r.Header.Set("X-Amz-Decoded-Content-Length", u.length)
	}
	if u.announced == "" {
		for _, p := range u.trailers {
			r.Header.Add("X-Amz-Trailer", p.name)
		}
	} else {
		r.Header.Set("X-Amz-Trailer", u.announced)
	}
	c := newSignature(example, "us-east-1", "s3", noon)
	if u.presign {
		r.Header.Set("X-Amz-Content-Sha256", u.hash)
		link := newRequest(t, "PUT", Presign("PUT", r.URL, example, c.region, c.service, maxExpiry, r.Header, noon), nil)
		r.URL = link.URL
		_, c.signature, _ = strings.Cut(r.URL.RawQuery, "X-Amz-Signature=")
	} else {
		Sign(r, example, c.region, c.service, u.hash, noon)
		_, c.signature, _ = strings.Cut(r.Header.Get("Authorization"), "Signature=")
	}

	// A signer by the book, apart from the one under test.
	key := scopedKey{example.Secret, c.date, c.region, c.service}.derive()
	previous := c.signature
	sign := func(algorithm, rest string) string {
		previous = fmt.Sprintf("%x", mac(key, algorithm+"\n"+c.at+"\n"+c.scope()+"\n"+previous+"\n"+rest))
		return previous
	}
	var b bytes.Buffer
	signed := u.hash != streamUnsignedTrailer
	for rest := u.data; ; {
		n := min(u.chunk, len(rest))
		fmt.Fprintf(&b, "%x", n)
		if signed {
			b.WriteString(";chunk-signature=" + sign("AWS4-HMAC-SHA256-PAYLOAD", EmptyPayload+"\n"+HashPayload(rest[:n])))
		}
		b.WriteString("\r\n")
		if n == 0 {
			break
		}
		b.Write(rest[:n])
		b.WriteString("\r\n")
		rest = rest[n:]
	}
	end, blank := "\r\n", ""
	if u.minio {
		end, blank = "\n", "\r\n"
	}
	var canonical string
	for _, p := range u.trailers {
		canonical += p.name + ":" + p.value + "\n"
		b.WriteString(p.name + ":" + p.value + end)
	}
	switch {
	case u.hash == streamUnsignedTrailer:
		b.WriteString(blank)
	case u.hash == streamSignedTrailer:
		b.WriteString(blank + "x-amz-trailer-signature:" + sign("AWS4-HMAC-SHA256-TRAILER", HashPayload([]byte(canonical))) + "\r\n")
	}
	b.WriteString("\r\n")
	return r, b.Bytes()
}

var crc = []parameter{{"x-amz-checksum-crc32c", "sOO8/Q=="}}

// uploads are all in order.
var uploads = map[string]upload{
	"signed":                   {hash: streamSigned, data: letters(150_000), chunk: 64 << 10},
	"signed, presigned":        {hash: streamSigned, data: letters(150_000), chunk: 64 << 10, presign: true},
	"signed, one byte a chunk": {hash: streamSigned, data: letters(100), chunk: 1},
	"signed, empty":            {hash: streamSigned, chunk: 1},
	"signed trailers":          {hash: streamSignedTrailer, data: letters(70_000), chunk: 64 << 10, trailers: crc},
	"signed trailers, minio":   {hash: streamSignedTrailer, data: letters(70_000), chunk: 64 << 10, trailers: crc, minio: true},
	"signed trailers, two": {
		hash: streamSignedTrailer, data: letters(70_000), chunk: 64 << 10,
		trailers: append([]parameter{{"x-amz-checksum-sha1", "x="}}, crc...), announced: "X-Amz-Checksum-Crc32c, x-amz-checksum-sha1",
	},
	"unsigned":              {hash: streamUnsignedTrailer, data: letters(200_000), chunk: 200_000, trailers: crc},
	"unsigned, presigned":   {hash: streamUnsignedTrailer, data: letters(200_000), chunk: 200_000, trailers: crc, presign: true},
	"unsigned, no trailers": {hash: streamUnsignedTrailer, data: letters(10), chunk: 3},
	"unsigned, empty":       {hash: streamUnsignedTrailer, chunk: 1, trailers: crc},
	"unsigned, minio":       {hash: streamUnsignedTrailer, data: letters(70_000), chunk: 64 << 10, trailers: crc, minio: true},
}

func letters(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + i%26)
	}
	return b
}

func TestChunkedBodies(t *testing.T) {
	t.Parallel()
	for name, u := range uploads {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, encoded := u.encode(t)
			readers := map[string]func(io.Reader) io.Reader{
				"whole": func(r io.Reader) io.Reader { return r }, "by halves": iotest.HalfReader,
				"data with EOF": iotest.DataErrReader, "by bytes": iotest.OneByteReader,
			}
			for how, reader := range readers {
				in := received(t, r, nil)
				in.Body = io.NopCloser(reader(bytes.NewReader(encoded)))
				_, got, err := verifyAll(verifierAt(noon), in, "s3")
				if err != nil || !bytes.Equal(got, u.data) {
					t.Fatalf("read %s: %d bytes, %v, want %d bytes", how, len(got), err, len(u.data))
				}
				want := int64(len(u.data))
				if in.ContentLength != want || in.Header.Get("Content-Encoding") != "gzip" {
					t.Errorf("ContentLength %d, Content-Encoding %q, want %d, gzip", in.ContentLength, in.Header.Get("Content-Encoding"), want)
				}
				for _, p := range u.trailers {
					if got := in.Trailer.Get(p.name); got != p.value {
						t.Errorf("Trailer.Get(%s) = %q, want %q", p.name, got, p.value)
					}
				}
				if n, err := in.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("Read after the end = %d, %v, want EOF", n, err)
				}
			}
		})
	}
}

// TestChunkedBodiesCut: a body that ends early is refused, wherever it ends; but the
// empty line at the end carries nothing and may be missing.
func TestChunkedBodiesCut(t *testing.T) {
	t.Parallel()
	for name, u := range uploads {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u.data = u.data[:min(len(u.data), 300)]
			r, encoded := u.encode(t)
			empty := 2 // CRLF
			if u.minio && u.hash == streamUnsignedTrailer {
				empty = 4
			}
			for n := 1; n < len(encoded)-empty; n++ {
				_, got, err := verifyAll(verifierAt(noon), received(t, r, encoded[:n]), "s3")
				if !fault.Is(err, fault.BodyMismatch) {
					t.Fatalf("first %d of %d bytes: %d bytes, %v, want BodyMismatch", n, len(encoded), len(got), err)
				}
			}
			_, _, err := verifyAll(verifierAt(noon), received(t, r, append(encoded, '\n')), "s3")
			wantKind(t, "a line more", err, fault.BodyMismatch)
		})
	}
}

// TestChunkedBodiesAltered: any bit changed in a signed body is noticed. A bit of the
// framing may be without meaning (the case of a digit, of a trailer's name), so it may
// be accepted if the same data comes out.
func TestChunkedBodiesAltered(t *testing.T) {
	t.Parallel()
	for name, u := range uploads {
		if u.hash == streamUnsignedTrailer {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u.data = u.data[:min(len(u.data), 300)]
			r, encoded := u.encode(t)
			random := testenv.Rand(t)
			for i := range encoded {
				altered := bytes.Clone(encoded)
				altered[i] ^= 1 << random.IntN(8)
				in := received(t, r, altered)
				_, got, err := verifyAll(verifierAt(noon), in, "s3")
				if err == nil && bytes.Equal(got, u.data) && sameTrailers(in.Trailer, u.trailers) {
					continue
				}
				if !fault.Is(err, fault.BodyMismatch) {
					t.Fatalf("byte %d of %q changed to %q: %d bytes, %v, want BodyMismatch", i, encoded, altered[i], len(got), err)
				}
			}
		})
	}
}

func sameTrailers(got http.Header, want []parameter) bool {
	for _, p := range want {
		if got.Get(p.name) != p.value {
			return false
		}
	}
	return len(got) == len(want)
}

func TestChunkedBodiesRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		upload
		body string // in place of the encoded one
		want fault.Kind
	}{
		"longer than said":        {upload{hash: streamSigned, data: letters(10), chunk: 10, length: "9"}, "", fault.BodyMismatch},
		"shorter than said":       {upload{hash: streamSigned, data: letters(10), chunk: 10, length: "11"}, "", fault.BodyMismatch},
		"length not said":         {upload{hash: streamSigned, data: letters(10), chunk: 10, noLength: true}, "", fault.Invalid},
		"length is no number":     {upload{hash: streamSigned, chunk: 1, length: "-1"}, "", fault.Invalid},
		"announced trailer lacks": {upload{hash: streamSignedTrailer, chunk: 1, announced: "x-amz-checksum-crc32c"}, "", fault.BodyMismatch},
		"trailer not announced":   {upload{hash: streamSignedTrailer, chunk: 1, trailers: crc, announced: "x-amz-checksum-sha1"}, "", fault.BodyMismatch},
		"trailer where none are":  {upload{hash: streamSigned, chunk: 1, trailers: crc}, "", fault.BodyMismatch},
		"empty for trailers":      {upload{hash: streamUnsignedTrailer, chunk: 1, trailers: crc}, "-", fault.BodyMismatch},
		"no size":                 {upload{hash: streamUnsignedTrailer, chunk: 1}, "\r\n\r\n", fault.BodyMismatch},
		"negative size":           {upload{hash: streamUnsignedTrailer, chunk: 1}, "-1\r\na\r\n0\r\n\r\n", fault.BodyMismatch},
		"size beyond 60 bits":     {upload{hash: streamUnsignedTrailer, length: "9223372036854775807", chunk: 1}, "1000000000000000\r\n", fault.BodyMismatch},
		"signature unasked":       {upload{hash: streamUnsignedTrailer, chunk: 1}, "0;chunk-signature=00\r\n\r\n", fault.BodyMismatch},
		"signature missing":       {upload{hash: streamSigned, chunk: 1}, "0\r\n\r\n", fault.BodyMismatch},
		"endless header line":     {upload{hash: streamUnsignedTrailer, chunk: 1}, strings.Repeat("0", 1<<20), fault.BodyMismatch},
		"endless trailer line": {
			upload{hash: streamUnsignedTrailer, chunk: 1, announced: "x-amz-checksum-crc32c"},
			"0\r\nx-amz-checksum-crc32c:" + strings.Repeat("a", 1<<20), fault.BodyMismatch,
		},
		"trailer twice": {
			upload{hash: streamUnsignedTrailer, chunk: 1, announced: "a"}, "0\r\na:1\r\na:2\r\n\r\n", fault.BodyMismatch,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, encoded := c.encode(t)
			if c.body != "" {
				encoded = []byte(strings.TrimPrefix(c.body, "-"))
			}
			_, got, err := verifyAll(verifierAt(noon), received(t, r, encoded), "s3")
			if !fault.Is(err, c.want) {
				t.Errorf("%q: %q, %v, want %v", encoded[:min(len(encoded), 200)], got, err, c.want)
			}
		})
	}
}

// TestEmptyUploadWithoutChunks is how minio-go sends an empty object.
func TestEmptyUploadWithoutChunks(t *testing.T) {
	t.Parallel()
	r, _ := upload{hash: streamSigned, chunk: 1}.encode(t)
	if _, got, err := verifyAll(verifierAt(noon), received(t, r, nil), "s3"); err != nil || len(got) != 0 {
		t.Errorf("Verify = %q, %v, want nothing", got, err)
	}
}

// TestChunksAreNotHeld reads a chunk far larger than any buffer through a small window.
// It counts allocations, which no parallel test may.
func TestChunksAreNotHeld(t *testing.T) {
	const size = 64 << 20
	body := newChunkedBody(io.NopCloser(io.MultiReader(
		strings.NewReader(strconv.FormatInt(size, 16)+"\r\n"), io.LimitReader(zeros{}, size), strings.NewReader("\r\n0\r\n\r\n"),
	)), size)
	window := make([]byte, 32<<10)
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := body.Read(window); err != nil {
			t.Fatalf("Read: %v", err)
		}
	})
	if allocs > 0 {
		t.Errorf("Read allocates %v times, want none", allocs)
	}
	if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, body, window); err != nil || n < size-101*int64(len(window)) {
		t.Errorf("read %d bytes after that, %v", n, err)
	}
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
