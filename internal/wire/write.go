package wire

import (
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Writer builds the JSON of an output. Generated code calls it once for each member;
// what is absent is left out, and a list that has to be there is written as [] when
// it is empty.
type Writer struct{ buf []byte }

// Open begins an object.
func (w *Writer) Open() { w.buf = append(w.buf, '{') }

// Close ends an object.
func (w *Writer) Close() { w.buf = append(w.buf, '}') }

// next writes the comma between two members or elements.
func (w *Writer) next() {
	if last := w.buf[len(w.buf)-1]; last != '{' && last != '[' {
		w.buf = append(w.buf, ',')
	}
}

func (w *Writer) name(name string) {
	w.next()
	w.text(name)
	w.buf = append(w.buf, ':')
}

// String writes a member.
func (w *Writer) String(name, s string) {
	w.name(name)
	w.text(s)
}

// OptString writes a member unless it is absent.
func (w *Writer) OptString(name string, s *string) {
	if s != nil {
		w.String(name, *s)
	}
}

// OptEnum writes a word of an enumeration; "" is absent.
func (w *Writer) OptEnum(name, s string) {
	if s != "" {
		w.String(name, s)
	}
}

// Int writes a member.
func (w *Writer) Int(name string, n int64) {
	w.name(name)
	w.buf = strconv.AppendInt(w.buf, n, 10)
}

// OptInt writes a member unless it is absent.
func (w *Writer) OptInt(name string, n *int64) {
	if n != nil {
		w.Int(name, *n)
	}
}

// Float writes a member.
func (w *Writer) Float(name string, f float64) {
	w.name(name)
	w.buf = strconv.AppendFloat(w.buf, f, 'f', -1, 64)
}

// OptFloat writes a member unless it is absent.
func (w *Writer) OptFloat(name string, f *float64) {
	if f != nil {
		w.Float(name, *f)
	}
}

// Bool writes a member.
func (w *Writer) Bool(name string, b bool) {
	w.name(name)
	w.buf = strconv.AppendBool(w.buf, b)
}

// OptBool writes a member unless it is absent.
func (w *Writer) OptBool(name string, b *bool) {
	if b != nil {
		w.Bool(name, *b)
	}
}

// Time writes a member as seconds since 1970 with three decimals.
func (w *Writer) Time(name string, t time.Time) {
	w.name(name)
	ms := t.UnixMilli()
	if ms < 0 {
		w.buf = append(w.buf, '-')
		ms = -ms
	}
	w.buf = strconv.AppendInt(w.buf, ms/1000, 10)
	frac := ms % 1000
	w.buf = append(w.buf, '.', byte('0'+frac/100), byte('0'+frac/10%10), byte('0'+frac%10))
}

// OptTime writes a member unless it is absent.
func (w *Writer) OptTime(name string, t *time.Time) {
	if t != nil {
		w.Time(name, *t)
	}
}

// Map writes a map, its keys in order.
func (w *Writer) Map(name string, m map[string]string, need bool) {
	if m == nil && !need {
		return
	}
	w.name(name)
	w.Open()
	for _, k := range slices.Sorted(maps.Keys(m)) {
		w.String(k, m[k])
	}
	w.Close()
}

// WriteStruct writes a structure unless it is absent.
func WriteStruct[T any](w *Writer, name string, x *T, write func(*T, *Writer)) {
	if x != nil {
		w.name(name)
		write(x, w)
	}
}

// WriteList writes a list of structures; one that is nil is left out unless it is
// needed.
func WriteList[T any](w *Writer, name string, list []T, need bool, write func(*T, *Writer)) {
	if list == nil && !need {
		return
	}
	w.name(name)
	w.buf = append(w.buf, '[')
	for i := range list {
		w.next()
		write(&list[i], w)
	}
	w.buf = append(w.buf, ']')
}

// WriteTexts writes a list of strings, under the rule of WriteList.
func WriteTexts[T ~string](w *Writer, name string, list []T, need bool) {
	WriteList(w, name, list, need, func(s *T, w *Writer) { w.text(string(*s)) })
}

// text writes s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func (w *Writer) text(s string) {
	const hex = "0123456789abcdef"
	b := append(w.buf, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += size
			continue
		}
		i++
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c < 0x20 || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	w.buf = append(b, '"')
}
