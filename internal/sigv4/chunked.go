package sigv4

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
)

const (
	// lineBuffer bounds a chunk's header line and a trailer line. The first has at most
	// 100 bytes, a checksum trailer some 150.
	lineBuffer = 4 << 10
	// sizeDigits bounds the hex digits of a chunk's size to what an int64 holds.
	sizeDigits       = 15
	chunkSignature   = ";chunk-signature="
	trailerSignature = "x-amz-trailer-signature"
)

// chunkedBody decodes an aws-chunked body while it is read:
//
//	size in hex [;chunk-signature=64 hex digits] CRLF
//	size bytes CRLF
//	...
//	0 [;chunk-signature=64 hex digits] CRLF
//	[name:value CRLF]...
//	[x-amz-trailer-signature:64 hex digits CRLF]
//	CRLF
//
// A chunk is hashed as it passes and never held. Its last bytes are given out only if
// its signature is right.
//
// Sources: Amazon S3 API Reference, "Transferring Payload in Multiple Chunks", "Including
// Trailing Headers". Trailer lines may end in a bare LF, and minio-go sends an empty
// line before the trailer signature.
type chunkedBody struct {
	src       io.ReadCloser
	in        *bufio.Reader
	signer    *chunkSigner // nil if chunks are not signed
	trailing  bool         // trailers may follow, signed if the chunks are
	announced []string     // their names, from x-amz-trailer
	trailer   http.Header  // where they go
	length    int64        // what is due, -1 if unknown
	done      int64        // what was decoded
	left      int64        // of the current chunk
	claimed   []byte       // signature of the current chunk
	bareLF    bool         // the last line ended in LF alone
	err       error        // once set, for good
}

func newChunkedBody(src io.ReadCloser, length int64) *chunkedBody {
	return &chunkedBody{src: src, in: bufio.NewReaderSize(src, lineBuffer), length: length, trailer: make(http.Header)}
}

func (b *chunkedBody) Close() error { return b.src.Close() }

func (b *chunkedBody) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	var n int
	n, b.err = b.read(p)
	return n, b.err
}

func (b *chunkedBody) read(p []byte) (int, error) {
	if b.left == 0 {
		if err := b.next(); err != nil {
			return 0, err
		}
		if b.left == 0 {
			return 0, b.finish()
		}
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left)])
	if b.signer != nil {
		b.signer.hash.Write(p[:n])
	}
	b.left -= int64(n)
	b.done += int64(n)
	if b.left > 0 {
		return n, cutShort(err)
	}
	if end, err := b.line(); err != nil || len(end) != 0 || b.bareLF {
		return 0, orFrame(err)
	}
	if b.signer != nil && !b.signer.verify(b.claimed) {
		return 0, errChunk()
	}
	return n, nil
}

// next reads the header of a chunk. The body of an empty object may be empty too:
// minio-go signs its length as 0 and sends no chunk at all.
func (b *chunkedBody) next() error {
	line, err := b.line()
	if err == io.EOF && b.done == 0 && b.length == 0 && len(b.announced) == 0 {
		return io.EOF
	}
	if err != nil || b.bareLF {
		return orFrame(err)
	}
	size, claimed := line, []byte(nil)
	if b.signer != nil {
		var ok bool
		if size, claimed, ok = bytes.Cut(line, []byte(chunkSignature)); !ok || len(claimed) != hex.EncodedLen(sha256.Size) {
			return errFrame()
		}
		b.claimed = append(b.claimed[:0], claimed...)
	}
	if len(size) == 0 || len(size) > sizeDigits {
		return errFrame()
	}
	for _, c := range size {
		if !isHex(c) {
			return errFrame()
		}
		b.left = b.left<<4 | int64(unhex(c))
	}
	if b.length >= 0 && b.left > b.length-b.done {
		return errLength()
	}
	return nil
}

// finish checks all that comes after the data, and returns io.EOF if it is in order.
func (b *chunkedBody) finish() error {
	if b.signer != nil && !b.signer.verify(b.claimed) {
		return errChunk()
	}
	if b.length >= 0 && b.done != b.length {
		return errLength()
	}
	trailers, err := b.trailers()
	if err != nil {
		return err
	}
	if _, err := b.in.ReadByte(); err != io.EOF {
		return orFrame(err)
	}
	// net/http merges the trailers of the transfer, which nobody signed, into the same
	// header at its own end, which we have just seen.
	clear(b.trailer)
	for name, value := range trailers {
		b.trailer.Set(name, value)
	}
	return io.EOF
}

// trailers reads up to the empty line at the end. Without trailers that line is all,
// and some clients leave even it out.
func (b *chunkedBody) trailers() (map[string]string, error) {
	found := make(map[string]string, len(b.announced))
	var signed []byte // as they came, with plain line ends
	var claimed string
	for blank := false; ; {
		minio := b.signer != nil || b.bareLF // which ends the lines before in LF
		line, err := b.line()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(line) == 0 {
			if !b.trailing || claimed != "" || blank || !minio {
				break
			}
			blank = true // the signature, or the end, must follow
			continue
		}
		name, value, ok := strings.Cut(string(line), ":")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		_, twice := found[name]
		switch {
		case twice || claimed != "" || blank && b.signer == nil:
			return nil, errFrame()
		case !ok || name == "":
			return nil, refuse(MalformedTrailer, fault.BodyMismatch, "The body has a trailer that is no name with a value.")
		case name == trailerSignature && b.trailing && b.signer != nil && len(value) == hex.EncodedLen(sha256.Size):
			claimed = value
		case b.signer != nil && len(found) > 0 && len(found) == len(b.announced): // where the signature must be
			return nil, errFrame()
		case !slices.Contains(b.announced, name):
			return nil, refuse(MalformedTrailer, fault.BodyMismatch, "The body has a trailer that x-amz-trailer did not announce.")
		default:
			found[name] = value
			signed = append(append(append(append(signed, name...), ':'), value...), '\n')
		}
	}
	for _, name := range b.announced {
		if _, ok := found[name]; !ok {
			return nil, refuse(MalformedTrailer, fault.BodyMismatch, "The body lacks the trailer '%s' that x-amz-trailer announced.", name)
		}
	}
	if b.trailing && b.signer != nil && !b.signer.verifyTrailers(signed, claimed) {
		return nil, refuse(Mismatch, fault.BodyMismatch, "The trailer signature we calculated does not match the one in the body.")
	}
	return found, nil
}

// line returns the next line without its end, io.EOF if there is none. It is valid
// until the next read.
func (b *chunkedBody) line() ([]byte, error) {
	line, err := b.in.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull:
		return nil, errFrame()
	case err == io.EOF && len(line) > 0:
		return nil, errCut()
	case err != nil:
		return nil, err
	}
	text, full := bytes.CutSuffix(line[:len(line)-1], []byte("\r"))
	if b.bareLF = !full; bytes.IndexByte(text, '\r') >= 0 {
		return nil, errFrame()
	}
	return text, nil
}

// cutShort says of an end in the middle that it is one.
func cutShort(err error) error {
	if err == io.EOF {
		return errCut()
	}
	return err
}

// orFrame returns err, or that the framing is wrong if there is no error.
func orFrame(err error) error {
	if err == nil {
		return errFrame()
	}
	return cutShort(err)
}

func errFrame() error {
	return refuse(IncompleteBody, fault.BodyMismatch, "The body is not well formed aws-chunked.")
}

func errCut() error {
	return refuse(IncompleteBody, fault.BodyMismatch, "The body ends before its last chunk.")
}

func errLength() error {
	return refuse(IncompleteBody, fault.BodyMismatch, "The body is not as long as x-amz-decoded-content-length says.")
}

func errChunk() error {
	return refuse(Mismatch, fault.BodyMismatch, "The chunk signature we calculated does not match the one in the body.")
}
