package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/sluicehq/sluice/internal/fault"
)

// The limits of the package. They bound what one decoder holds in memory, whatever
// its source holds.
const (
	MaxRecord = 1 << 20  // the longest record that is read; a longer one is refused
	MaxRaw    = 64 << 10 // how much of a record that is too long is kept as Record.Raw
)

// rescan is the part of the unread text, a 16th, by which it grows at least before it is
// looked at again. A source may come byte by byte, also a packed one, and a record is read
// from its start each time.
const rescan = 16

// limits are the sizes that a decoder works with; tests use small ones.
type limits struct {
	record int
	raw    int
	chunk  int   // how much is read from the source at a time
	text   int64 // how much a compressed source may unpack to; 0 is no limit
}

var defaultLimits = limits{record: MaxRecord, raw: MaxRaw, chunk: 256 << 10}

// window is the part of a source's text that is in memory: buf[pos:end] is unread.
type window struct {
	r    io.Reader
	buf  []byte
	pos  int
	end  int
	base int64 // the offset of buf[0]
	eof  bool
	err  error // of the reader, after the text that it gave with it
	max  limits
}

func newWindow(r io.Reader, offset int64, max limits) *window {
	return &window{r: r, buf: make([]byte, max.chunk), base: offset, max: max}
}

// unread is the text that is in memory and not consumed.
func (w *window) unread() []byte { return w.buf[w.pos:w.end] }

// offset is that of the next unread byte.
func (w *window) offset() int64 { return w.base + int64(w.pos) }

// fill reads on. It moves the unread text to the front of the buffer, so positions
// in buf that a caller kept are less by the shift afterwards.
func (w *window) fill() (shift int, err error) {
	if w.eof || w.err != nil {
		return 0, w.err
	}
	if shift = w.pos; shift > 0 {
		copy(w.buf, w.buf[w.pos:w.end])
		w.base += int64(shift)
		w.end -= shift
		w.pos = 0
	}
	if w.end == len(w.buf) {
		grown := make([]byte, 2*len(w.buf))
		copy(grown, w.buf[:w.end])
		w.buf = grown
	}
	room := w.buf[w.end:min(len(w.buf), w.end+w.max.chunk)]
	least := min(len(room), max(1, (w.end-w.pos)/rescan))
	for got, empty := 0, 0; got < least; {
		n, err := w.r.Read(room[got:])
		w.end += n
		got += n
		switch {
		case errors.Is(err, io.EOF):
			w.eof = true
			return shift, nil
		case err != nil:
			if w.err = err; got == 0 {
				return shift, err
			}
			return shift, nil
		case n > 0:
			empty = 0
		default:
			if empty++; empty == 100 {
				return shift, fmt.Errorf("read source: %w", io.ErrNoProgress)
			}
		}
	}
	return shift, nil
}

// need makes sure that n unread bytes are in memory, or all that are left.
func (w *window) need(n int) error {
	for w.end-w.pos < n && !w.eof {
		if _, err := w.fill(); err != nil {
			return err
		}
	}
	return nil
}

// lineEnds counts the line ends in b, which does not begin within one: LF, CR LF
// and CR are one each.
func lineEnds(b []byte) int64 {
	n := bytes.Count(b, []byte{'\n'})
	for {
		i := bytes.IndexByte(b, '\r')
		if i < 0 {
			return int64(n)
		}
		if i+1 == len(b) || b[i+1] != '\n' {
			n++
		}
		b = b[i+1:]
	}
}

// brokenError is the error of a source that cannot be read as a whole.
func brokenError(line, offset int64, format string, args ...any) error {
	return fault.New(fault.Broken, "line %d (byte %d): %s", line, offset, fmt.Sprintf(format, args...))
}
