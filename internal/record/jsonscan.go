package record

import (
	"bytes"
)

// maxDepth bounds how deep arrays and objects may nest in a record.
const maxDepth = 64

// outcome is how an attempt to scan a value ended.
type outcome uint8

const (
	good  outcome = iota
	short         // the text ends before the value does
	bad           // it is not JSON; the scan stands at the first byte that does not fit
	deep          // it nests too deep
)

// jsonScan checks JSON values as RFC 8259 has them and finds the members that are
// wanted. It looks at nothing but the text it is given.
type jsonScan struct {
	b    []byte
	last bool     // nothing follows b
	want []string // names of the members

	text    []byte // strings with their escapes undone
	escaped bool   // the string just scanned has escapes
	high    bool   // a string has bytes outside ASCII
	nul     bool   // a wanted string has an escaped NUL
}

// record scans the value that b begins with and fills fields from it if it is an
// object. It returns where the value ends, or where the scan stands.
func (s *jsonScan) record(b []byte, last bool, fields []Field) (end int, k Kind, o outcome) {
	s.b, s.last, s.text, s.high, s.nul = b, last, s.text[:0], false, false
	clear(fields)
	if len(b) > 0 && b[0] == '{' {
		end, o = s.object(0, 1, fields)
		return end, Nested, o
	}
	end, k, o = s.value(0, 1)
	return end, k, o
}

// value scans the value at i.
func (s *jsonScan) value(i, depth int) (end int, k Kind, o outcome) {
	if i >= len(s.b) {
		return i, 0, short
	}
	switch c := s.b[i]; {
	case c == '"':
		end, o = s.str(i + 1)
		return end, Text, o
	case c == '{':
		end, o = s.object(i, depth, nil)
		return end, Nested, o
	case c == '[':
		end, o = s.array(i, depth)
		return end, Nested, o
	case c == '-' || c >= '0' && c <= '9':
		end, o = s.number(i)
		return end, Number, o
	case c == 't':
		end, o = s.literal(i, "true")
		return end, Bool, o
	case c == 'f':
		end, o = s.literal(i, "false")
		return end, Bool, o
	case c == 'n':
		end, o = s.literal(i, "null")
		return end, Null, o
	}
	return i, 0, bad
}

// object scans the object at i and sets the fields whose members it has; the last of
// members with one name wins, as in most readers of JSON.
func (s *jsonScan) object(i, depth int, fields []Field) (int, outcome) {
	if depth > maxDepth {
		return i, deep
	}
	i = s.space(i + 1)
	if i < len(s.b) && s.b[i] == '}' {
		return i + 1, good
	}
	for next := 0; ; next++ {
		f, colon := next, s.expectedField(i, next, fields)
		if colon == 0 {
			var o outcome
			if f, colon, o = s.name(i, fields); o != good {
				return colon, o
			}
		}
		start := s.space(colon)
		end, k, o := s.value(start, depth+1)
		if o != good {
			return end, o
		}
		if f >= 0 {
			fields[f] = Field{Kind: k, Bytes: s.content(start, end, k)}
		}
		i = s.space(end)
		if i >= len(s.b) {
			return i, short
		}
		if s.b[i] == '}' {
			return i + 1, good
		}
		if s.b[i] != ',' {
			return i, bad
		}
		i = s.space(i + 1)
	}
}

// expectedField reports whether at i stands the name of the given field with its colon right
// after it, which is how records look that a program wrote. It returns where that
// ends, 0 if it does not stand there.
func (s *jsonScan) expectedField(i, field int, fields []Field) int {
	if field >= len(fields) {
		return 0
	}
	name := s.want[field]
	end := i + len(name) + 3
	if end > len(s.b) || s.b[i] != '"' || s.b[end-1] != ':' || s.b[end-2] != '"' || string(s.b[i+1:end-2]) != name {
		return 0
	}
	return end
}

// arrayOf looks in the object that b begins with for the wanted member. It returns
// where the content of its array starts, 0 if there is no such member with an array.
func (s *jsonScan) arrayOf() (start int, o outcome) {
	found := make([]Field, 1)
	for i := s.space(1); ; i = s.space(i + 1) {
		f, end, o := s.name(i, found)
		if o != good {
			return 0, o
		}
		i = s.space(end)
		if f == 0 && i < len(s.b) && s.b[i] == '[' {
			return i + 1, good
		}
		if end, _, o = s.value(i, 1); o != good {
			return 0, o
		}
		if i = s.space(end); i >= len(s.b) {
			return 0, short
		}
		if s.b[i] != ',' {
			return 0, good
		}
	}
}

// name scans a member's name at i and the colon after it, and tells which field of
// fields it is.
func (s *jsonScan) name(i int, fields []Field) (field, end int, o outcome) {
	if i >= len(s.b) {
		return -1, i, short
	}
	if s.b[i] != '"' {
		return -1, i, bad
	}
	end, o = s.str(i + 1)
	if o != good {
		return -1, end, o
	}
	field = -1
	if fields != nil {
		field = s.fieldIndex(s.b[i+1 : end-1])
	}
	end = s.space(end)
	if end >= len(s.b) {
		return field, end, short
	}
	if s.b[end] != ':' {
		return field, end, bad
	}
	return field, end + 1, good
}

// fieldIndex returns the index of the wanted member with that name, -1 if there is none.
func (s *jsonScan) fieldIndex(name []byte) int {
	kept := len(s.text)
	if s.escaped {
		s.text = unescape(s.text, name)
		name = s.text[kept:]
		s.text = s.text[:kept]
	}
	for f := range s.want {
		if string(name) == s.want[f] {
			return f
		}
	}
	return -1
}

// content returns the text of the value from start to end.
func (s *jsonScan) content(start, end int, k Kind) []byte {
	if k != Text {
		return s.b[start:end]
	}
	raw := s.b[start+1 : end-1]
	if !s.escaped {
		return raw
	}
	from := len(s.text)
	s.text = unescape(s.text, raw)
	raw = s.text[from:len(s.text):len(s.text)]
	s.nul = s.nul || bytes.IndexByte(raw, 0) >= 0
	return raw
}

// array scans the array at i.
func (s *jsonScan) array(i, depth int) (int, outcome) {
	if depth > maxDepth {
		return i, deep
	}
	i = s.space(i + 1)
	if i < len(s.b) && s.b[i] == ']' {
		return i + 1, good
	}
	for {
		end, _, o := s.value(i, depth+1)
		if o != good {
			return end, o
		}
		i = s.space(end)
		if i >= len(s.b) {
			return i, short
		}
		if s.b[i] == ']' {
			return i + 1, good
		}
		if s.b[i] != ',' {
			return i, bad
		}
		i = s.space(i + 1)
	}
}

// space returns the index of the first byte from i on that is not white space.
func (s *jsonScan) space(i int) int {
	if i < len(s.b) && s.b[i] > ' ' {
		return i
	}
	return s.spaces(i)
}

func (s *jsonScan) spaces(i int) int {
	for i < len(s.b) && isSpace(s.b[i]) {
		i++
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// literal scans the given literal at i.
func (s *jsonScan) literal(i int, token string) (int, outcome) {
	for n := range len(token) {
		if i+n == len(s.b) {
			return i + n, short
		}
		if s.b[i+n] != token[n] {
			return i + n, bad
		}
	}
	return i + len(token), good
}

// number scans the number at i.
func (s *jsonScan) number(i int) (int, outcome) {
	if s.b[i] == '-' {
		i++
	}
	zero := i < len(s.b) && s.b[i] == '0'
	end, o := s.digits(i)
	if o == good && zero {
		end = i + 1
	}
	if o == good && end < len(s.b) && s.b[end] == '.' {
		end, o = s.digits(end + 1)
	}
	if o == good && end < len(s.b) && (s.b[end] == 'e' || s.b[end] == 'E') {
		end++
		if end < len(s.b) && (s.b[end] == '+' || s.b[end] == '-') {
			end++
		}
		end, o = s.digits(end)
	}
	if o == good && end == len(s.b) && !s.last {
		return end, short
	}
	return end, o
}

// digits scans one or more digits at i.
func (s *jsonScan) digits(i int) (int, outcome) {
	end := i
	for end < len(s.b) && s.b[end] >= '0' && s.b[end] <= '9' {
		end++
	}
	switch {
	case end > i:
		return end, good
	case end == len(s.b):
		return end, short
	}
	return end, bad
}
