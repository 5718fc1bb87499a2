package record

import (
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// utf16Reader reads UTF-16 as UTF-8. What is no text in it, a lone surrogate or half
// a unit at the end, comes out as bytes that are no UTF-8 either, so that the record
// is refused rather than changed.
type utf16Reader struct {
	r     io.Reader
	order binary.ByteOrder
	in    []byte // read, not decoded: at most three bytes between two reads
	out   []byte // decoded, not handed out
	space [2][]byte
	err   error
}

func newUTF16Reader(r io.Reader, order binary.ByteOrder) *utf16Reader {
	u := &utf16Reader{r: r, order: order}
	u.space[0] = make([]byte, 32<<10)
	u.space[1] = make([]byte, 0, 3*len(u.space[0])/2+8) // a unit of two bytes is three at most
	return u
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		kept := copy(u.space[0], u.in)
		n, err := u.r.Read(u.space[0][kept:])
		u.err = err
		u.decode(u.space[0][:kept+n], errors.Is(err, io.EOF))
		if n == 0 && err == nil {
			return 0, nil
		}
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

// decode decodes in, up to a unit or pair that is not complete unless last.
func (u *utf16Reader) decode(in []byte, last bool) {
	out := u.space[1][:0]
	for len(in) >= 2 {
		c := rune(u.order.Uint16(in))
		if !utf16.IsSurrogate(c) {
			out, in = utf8.AppendRune(out, c), in[2:]
			continue
		}
		if len(in) < 4 && !last {
			break
		}
		if len(in) >= 4 {
			if r := utf16.DecodeRune(c, rune(u.order.Uint16(in[2:]))); r != utf8.RuneError {
				out, in = utf8.AppendRune(out, r), in[4:]
				continue
			}
		}
		out = append(out, 0xe0|byte(c>>12), 0x80|byte(c>>6)&0x3f, 0x80|byte(c)&0x3f)
		in = in[2:]
	}
	if last && len(in) == 1 {
		out, in = append(out, 0xff), nil
	}
	u.in, u.out = in, out
}
