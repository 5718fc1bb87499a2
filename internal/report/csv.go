package report

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/record"
)

// Write writes rejects as CSV with the header
//
//	<key column>,reason,code,line,offset,record
//
// and tells how many bytes it wrote. The text is RFC 4180 with lines that end in LF,
// and UTF-8 whatever the records hold: bytes that are not, and NULs, become U+FFFD.
// The record is always in quotes; no cell is altered against formulas, as reports are
// read by programs and a record must be found again. Line and offset, the record's own
// in its source, lead back to its very bytes.
func Write(w io.Writer, keyColumn string, rejects iter.Seq2[record.Reject, error]) (int64, error) {
	return writeRows(&writer{w: bufio.NewWriterSize(w, 64<<10)}, keyColumn, rejects)
}

// WriteSafe is Write in the form for spreadsheets: it begins with a byte order
// mark, every text is in quotes, and one that a spreadsheet would take for a formula has an
// apostrophe before it.
//
// Source: https://owasp.org/www-community/attacks/CSV_Injection
func WriteSafe(w io.Writer, keyColumn string, rejects iter.Seq2[record.Reject, error]) (int64, error) {
	out := &writer{w: bufio.NewWriterSize(w, 64<<10), safe: true}
	out.text("\ufeff")
	return writeRows(out, keyColumn, rejects)
}

func writeRows(out *writer, keyColumn string, rejects iter.Seq2[record.Reject, error]) (int64, error) {
	out.text(keyColumn + ",reason,code,line,offset,record\n")
	for r, err := range rejects {
		if err != nil {
			return out.written, fmt.Errorf("read rejects: %w", err)
		}
		out.cell(r.Key)
		out.text(",")
		out.cell([]byte(r.Reason))
		out.text(",")
		out.text(r.Code)
		out.text(",")
		out.number(r.Line)
		out.text(",")
		out.number(r.Offset)
		out.text(",")
		out.quoted(r.Raw)
		out.text("\n")
		if out.err != nil {
			break
		}
	}
	if out.err == nil {
		out.err = out.w.Flush()
	}
	if out.err != nil {
		return out.written, fmt.Errorf("write report: %w", out.err)
	}
	return out.written, nil
}

// writer writes cells; the first error ends it.
type writer struct {
	w       *bufio.Writer
	safe    bool // for spreadsheets
	digits  []byte
	written int64
	err     error
}

func (r *writer) text(s string) {
	if r.err == nil {
		var n int
		n, r.err = r.w.WriteString(s)
		r.written += int64(n)
	}
}

func (r *writer) bytes(b []byte) {
	if r.err == nil {
		var n int
		n, r.err = r.w.Write(b)
		r.written += int64(n)
	}
}

func (r *writer) number(n int64) {
	r.digits = strconv.AppendInt(r.digits[:0], n, 10)
	r.bytes(r.digits)
}

// cell writes b, in quotes if it needs them.
func (r *writer) cell(b []byte) {
	plain := !r.safe && len(b) > 0 && b[0] != ' ' && b[len(b)-1] != ' '
	for _, c := range b {
		plain = plain && c >= ' ' && c < utf8.RuneSelf && c != '"' && c != ','
	}
	if plain || len(b) == 0 && !r.safe {
		r.bytes(b)
		return
	}
	r.quoted(b)
}

// quoted writes b in quotes and as UTF-8.
func (r *writer) quoted(b []byte) {
	r.text(`"`)
	if r.safe && isFormula(b) {
		r.text("'")
	}
	for len(b) > 0 {
		n := bytes.IndexFunc(b, func(c rune) bool { return c == '"' || c == 0 || c == utf8.RuneError })
		if n < 0 {
			n = len(b)
		}
		r.bytes(b[:n])
		if b = b[n:]; len(b) == 0 {
			break
		}
		_, size := utf8.DecodeRune(b)
		if b[0] == '"' {
			r.text(`""`)
		} else {
			r.text("\ufffd")
		}
		b = b[size:]
	}
	r.text(`"`)
}

// isFormula reports whether a spreadsheet may take a cell for a formula, by its first
// character; some take the full-width forms as well.
func isFormula(cell []byte) bool {
	c, _ := utf8.DecodeRune(cell)
	return strings.ContainsRune("=+-@\t\r\n＝＋－＠", c)
}
