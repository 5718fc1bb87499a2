package sigv4

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
)

// What x-amz-content-sha256 may say besides a hash and UNSIGNED-PAYLOAD.
const (
	streamSigned          = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	streamSignedTrailer   = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	streamUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
)

// payload returns the last line of the canonical request, which stands for the body.
// Only a caller that does not say its hash makes us read the body before we know who
// it is.
func (v *Verifier) payload(r *http.Request, sig *Signature) (string, error) {
	switch {
	case sig.hash != "" && sig.service == serviceS3:
		return sig.hash, checkHash(sig.hash)
	case sig.hash != "":
		return sig.hash, nil
	case sig.loads():
		sum, err := v.load(r)
		return hex.EncodeToString(sum[:]), err
	case sig.presigned:
		return UnsignedPayload, nil
	}
	return "", refuse(MissingHash, fault.BadSignature, "Missing required header for this request: x-amz-content-sha256")
}

// loads reports whether the body must be read before the signature can be verified.
func (sig *Signature) loads() bool { return sig.hash == "" && sig.service != serviceS3 }

// guard puts between r and its handler what checks the body, now that its caller is
// known and key has signed what c.hash says.
func (v *Verifier) guard(r *http.Request, sig *Signature, key []byte) error {
	if sig.service != serviceS3 {
		return v.guardSmall(r, sig)
	}
	switch sig.hash {
	case "", UnsignedPayload:
		return nil
	case streamSigned, streamSignedTrailer, streamUnsignedTrailer:
		return unchunk(r, sig, key)
	}
	want, err := parseHash(sig.hash)
	if err != nil {
		return err
	}
	if r.Body == nil || r.Body == http.NoBody {
		if want != sha256.Sum256(nil) { // nobody would read it to find out
			return errHash(sig.hash, EmptyPayload)
		}
		return nil
	}
	r.Body = &hashedBody{src: r.Body, hash: sha256.New(), want: want}
	return nil
}

func (v *Verifier) guardSmall(r *http.Request, sig *Signature) error {
	switch {
	case sig.hash == "": // loaded and signed
		return nil
	case sig.hash == UnsignedPayload && sig.presigned:
		_, err := v.load(r)
		return err
	}
	want, err := parseHash(sig.hash)
	if err != nil {
		return err
	}
	got, err := v.load(r)
	if err == nil && got != want {
		err = errBody()
	}
	return err
}

func parseHash(s string) (sum [sha256.Size]byte, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(sum) {
		return sum, fault.New(fault.Invalid, "x-amz-content-sha256 must be a SHA-256 in hex, or one of the words that this service accepts.")
	}
	return [sha256.Size]byte(b), nil
}

// checkHash refuses what S3 does not take for x-amz-content-sha256, before it is looked
// at as a part of the signature.
func checkHash(s string) error {
	switch s {
	case UnsignedPayload, streamSigned, streamSignedTrailer, streamUnsignedTrailer:
		return nil
	}
	_, err := parseHash(s)
	if err != nil {
		return explain(refuse(InvalidHash, fault.Invalid, "%s", fault.Message(err)), serviceS3,
			Detail{"ArgumentName", "x-amz-content-sha256"}, Detail{"ArgumentValue", s})
	}
	return nil
}

// errHash is errBody with both hashes, for S3.
func errHash(want, got string) error {
	return explain(errBody(), serviceS3,
		Detail{"ClientComputedContentSHA256", want}, Detail{"S3ComputedContentSHA256", got})
}

func errBody() error {
	return fault.New(fault.BodyMismatch, "The provided 'x-amz-content-sha256' header does not match what was computed.")
}

// load reads the whole body into memory, leaves it there for the handler, and returns
// its hash.
func (v *Verifier) load(r *http.Request) (sum [sha256.Size]byte, err error) {
	if r.Body == nil || r.Body == http.NoBody {
		return sha256.Sum256(nil), nil
	}
	if r.ContentLength > v.o.MaxBody {
		return sum, errTooLarge(v.o.MaxBody)
	}
	var b bytes.Buffer
	if r.ContentLength > 0 { // at once, since growing takes twice as much
		b.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err = b.ReadFrom(io.LimitReader(r.Body, v.o.MaxBody+1))
	var limit *http.MaxBytesError
	switch {
	case errors.As(err, &limit):
		return sum, errTooLarge(limit.Limit)
	case err != nil && fault.KindOf(err) != fault.Internal:
		return sum, err
	case err != nil: // the caller hung up, or its encoding is broken
		return sum, fault.New(fault.Malformed, "The body ended after %d bytes.", b.Len())
	case int64(b.Len()) > v.o.MaxBody:
		return sum, errTooLarge(v.o.MaxBody)
	}
	r.Body = &loadedBody{Reader: *bytes.NewReader(b.Bytes()), src: r.Body}
	r.ContentLength = int64(b.Len())
	return sha256.Sum256(b.Bytes()), nil
}

func errTooLarge(limit int64) error {
	return fault.New(fault.TooLarge, "The body is larger than %d bytes.", limit)
}

// loadedBody is a body in memory. Closing it closes the one that it came from.
type loadedBody struct {
	bytes.Reader
	src io.Closer
}

func (b *loadedBody) Close() error { return b.src.Close() }

// hashedBody passes on a body of known hash, and refuses its end if the hash differs.
type hashedBody struct {
	src  io.ReadCloser
	hash hash.Hash
	want [sha256.Size]byte
	err  error // once set, for good
}

func (b *hashedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.src.Read(p)
	b.hash.Write(p[:n])
	if err == io.EOF {
		if got := [sha256.Size]byte(b.hash.Sum(nil)); got != b.want {
			err = errHash(hex.EncodeToString(b.want[:]), hex.EncodeToString(got[:]))
		}
	}
	b.err = err
	return n, err
}

func (b *hashedBody) Close() error { return b.src.Close() }

// unchunk makes r.Body decode its aws-chunked bytes, and r say what comes out of it.
func unchunk(r *http.Request, sig *Signature, key []byte) error {
	n, err := strconv.ParseUint(r.Header.Get("X-Amz-Decoded-Content-Length"), 10, 63)
	if err != nil {
		return refuse(MissingLength, fault.Invalid, "x-amz-decoded-content-length must be a number of bytes.")
	}
	length := int64(n) // 63 bits
	body := r.Body
	if body == nil {
		body = http.NoBody
	}
	d := newChunkedBody(body, length)
	if sig.hash != streamUnsignedTrailer {
		d.signer = newChunkSigner(sig, key)
	}
	if sig.hash != streamSigned {
		d.trailing = true
		for _, v := range r.Header["X-Amz-Trailer"] {
			for name := range strings.SplitSeq(v, ",") {
				if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
					d.announced = append(d.announced, name)
				}
			}
		}
	}
	r.Body, r.Trailer, r.ContentLength = d, d.trailer, length
	r.Header.Del("Content-Length") // that of the encoded body
	stripChunkedEncoding(r.Header)
	return nil
}

// stripChunkedEncoding takes aws-chunked, which is of the transfer, out of
// Content-Encoding, which stays with the object.
func stripChunkedEncoding(h http.Header) {
	var rest []string
	for _, v := range h["Content-Encoding"] {
		for coding := range strings.SplitSeq(v, ",") {
			if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "aws-chunked") {
				rest = append(rest, coding)
			}
		}
	}
	if rest == nil {
		h.Del("Content-Encoding")
		return
	}
	h.Set("Content-Encoding", strings.Join(rest, ","))
}
