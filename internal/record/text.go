package record

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/sluicehq/sluice/internal/fault"
)

// maxZstdWindow bounds what unpacking holds in memory, against files that ask for
// gigabytes. It is what zstd's levels need, --ultra and --long apart.
const maxZstdWindow = 32 << 20

// text is the unpacked text of a source.
type text struct {
	io.Reader
	packing string // gzip, zstd or empty
	raw     *rawReader
	unpack  io.Closer // what unpacks, nil for a plain source
}

// rawReader remembers why the source itself could not be read, so that a broken
// connection is not taken for a broken file.
type rawReader struct {
	io.ReadCloser
	err error
}

func (r *rawReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// openText opens the source at its start and unpacks it if its first bytes say so.
func openText(src Source, most int64) (*text, error) {
	rc, err := src(0)
	if err != nil {
		return nil, fmt.Errorf("open source: %w", err)
	}
	raw := &rawReader{ReadCloser: rc}
	in := bufio.NewReaderSize(raw, 64<<10)
	t := &text{Reader: in, raw: raw}
	head, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("read source: %w", err), rc.Close())
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		err = t.gunzip(in)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		err = t.unzstd(in)
	default:
		err = nil
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	if t.packing != "" && most > 0 {
		t.Reader = &bounded{t.Reader, most, most}
	}
	return t, nil
}

// bounded reads as many bytes as it may, and then one error.
type bounded struct {
	io.Reader
	left, most int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, b.tooMuch()
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more, to know whether there is more
	}
	n, err := b.Reader.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, b.tooMuch()
	}
	return n, err
}

func (b *bounded) tooMuch() error {
	return fault.New(fault.Broken, "the source unpacks to more than %d bytes, which is too much for its size; unpack it and import it as it is", b.most)
}

func (t *text) gunzip(in io.Reader) error {
	t.packing = "gzip"
	zr, err := gzip.NewReader(in)
	if err != nil {
		return t.explain(err, 0, 0)
	}
	t.Reader, t.unpack = zr, zr
	return nil
}

func (t *text) unzstd(in io.Reader) error {
	t.packing = "zstd"
	zr, err := zstd.NewReader(in,
		zstd.WithDecoderConcurrency(1), // in step with reading, no goroutines
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxZstdWindow),
		zstd.WithDecoderMaxMemory(maxZstdWindow),
	)
	if err != nil {
		return t.explain(err, 0, 0)
	}
	rc := zr.IOReadCloser()
	t.Reader, t.unpack = rc, rc
	return nil
}

// explain turns an error of reading the text into one that says what is wrong with
// the source. The given number of lines and bytes had been read well before.
func (t *text) explain(err error, lines, offset int64) error {
	switch {
	case t.raw.err != nil:
		return fmt.Errorf("read source: %w", t.raw.err)
	case t.packing == "", fault.Is(err, fault.Broken):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.New(fault.Broken, "the %s stream ends in the middle, after line %d (byte %d)", t.packing, lines, offset)
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fault.New(fault.Broken, "the zstd stream needs a window of more than %d MiB; pack it without --long and --ultra", maxZstdWindow>>20)
	}
	return fault.New(fault.Broken, "the %s stream is corrupt after line %d (byte %d): %v", t.packing, lines, offset, err)
}

// Close releases the source.
func (t *text) Close() error {
	if t.unpack == nil {
		return t.raw.Close()
	}
	return errors.Join(t.unpack.Close(), t.raw.Close())
}
