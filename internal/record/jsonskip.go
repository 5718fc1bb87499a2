package record

import (
	"bytes"
	"unicode/utf8"
)

// refuseLine refuses the rest of the line at win.pos.
func (j *jsonRows) refuseLine(rec *Record, o outcome) error {
	w := j.win
	rec.Refused = refusedJSON
	if o == deep {
		rec.Refused = refusedDepth
	}
	for {
		b := w.unread()
		end := bytes.IndexAny(b, "\r\n")
		if end < 0 && w.eof {
			end = len(b)
		}
		if end > j.win.max.record || end < 0 && len(b) > j.win.max.record {
			j.copyStart(rec, refusedTooLong)
			j.phase = inLine
			return nil
		}
		if end >= 0 {
			rec.Raw = b[:end]
			if !utf8.Valid(rec.Raw) {
				rec.Refused = refusedEncoding
			}
			w.pos += end
			return nil // the line end is white space before the next value
		}
		if _, err := w.fill(); err != nil {
			return err
		}
	}
}

// copyStart copies the beginning of a record that will not stay in memory.
func (j *jsonRows) copyStart(rec *Record, why *Refusal) {
	b := j.win.unread()
	j.raw = append(j.raw[:0], wholeRunes(b[:min(len(b), j.win.max.raw)])...)
	rec.Raw, rec.Refused = j.raw, why
}

// passLine skips the rest of a line, without its end.
func (j *jsonRows) passLine() error {
	w := j.win
	end := bytes.IndexAny(w.unread(), "\r\n")
	if end < 0 {
		w.pos = w.end
		if !w.eof {
			return j.fill()
		}
		end = 0
	}
	w.pos += end
	j.phase = between
	return nil
}

// refuseValue refuses the value at win.pos, which is skipped by its brackets and
// quotes alone, however long it is.
func (j *jsonRows) refuseValue(rec *Record, why *Refusal) error {
	if err := j.win.need(j.win.max.raw); err != nil {
		return err
	}
	j.copyStart(rec, why)
	j.phase, j.skip, j.line = inValue, skipper{}, rec.Line
	b := j.win.unread()
	if isNumber(b[0]) {
		j.phase = inNumber
		return nil
	}
	var s skipper
	if n, done := s.skip(b[:min(len(b), j.win.max.raw)]); done {
		rec.Raw = b[:n]
		j.pass(n)
		j.phase = between
	}
	return nil
}

// passValue skips the rest of an array, object or string.
func (j *jsonRows) passValue() error {
	n, done := j.skip.skip(j.unreadText())
	j.pass(n)
	switch {
	case done:
		j.phase = between
		return nil
	case j.win.eof:
		return j.cutOff(j.line)
	}
	return j.fill()
}

// passNumber skips the rest of a number.
func (j *jsonRows) passNumber() error {
	w := j.win
	for w.pos < w.end && isNumber(w.buf[w.pos]) {
		w.pos++
	}
	if w.pos == w.end && !w.eof {
		return j.fill()
	}
	j.phase = between
	return nil
}

// isNumber reports whether c may stand in a number.
func isNumber(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// skipper finds the end of an array, object or string.
type skipper struct {
	depth   int
	text    bool // within a string
	escaped bool // after a backslash
}

// skip returns how many bytes of b belong to the value, and whether it ends there.
func (s *skipper) skip(b []byte) (n int, done bool) {
	for i, c := range b {
		switch {
		case s.escaped:
			s.escaped = false
		case s.text && c == '\\':
			s.escaped = true
		case c == '"':
			s.text = !s.text
		case s.text:
		case c == '{' || c == '[':
			s.depth++
		case c == '}' || c == ']':
			s.depth--
		}
		if s.depth == 0 && !s.text {
			return i + 1, true
		}
	}
	return len(b), false
}
