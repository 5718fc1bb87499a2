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
			return j.passLine(rec)
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

// keep copies the beginning of a record that will not stay in memory.
func (j *jsonRows) keep(rec *Record, why *Refusal) {
	b := j.win.unread()
	j.raw = append(j.raw[:0], wholeRunes(b[:min(len(b), j.win.max.raw)])...)
	rec.Raw, rec.Refused = j.raw, why
}

// passLine refuses a line that is too long, and passes over it.
func (j *jsonRows) passLine(rec *Record) error {
	j.keep(rec, refusedTooLong)
	for {
		b := j.win.unread()
		if end := bytes.IndexAny(b, "\r\n"); end >= 0 {
			j.win.pos += end
			return nil
		}
		j.win.pos = j.win.end
		if j.win.eof {
			return nil
		}
		if _, err := j.win.fill(); err != nil {
			return err
		}
	}
}

// pass refuses the value at win.pos and passes over it by its brackets and quotes
// alone, however long it is.
func (j *jsonRows) pass(rec *Record, why *Refusal) error {
	if err := j.win.need(j.win.max.raw); err != nil {
		return err
	}
	var s skipper
	for first := true; ; first = false {
		b := j.win.unread()
		n, done := s.skip(b)
		if first {
			j.keep(rec, why)
			if done && n <= j.win.max.raw {
				rec.Raw = b[:n]
			}
		}
		j.blanks(b[:n])
		j.win.pos += n
		if done {
			return nil
		}
		if j.win.eof {
			return j.cutOff(rec.Line)
		}
		if _, err := j.win.fill(); err != nil {
			return err
		}
	}
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
