package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

// Object is a JSON object, or the query or the labels of a request in its shape.
type Object = map[string]any

// params is what a query or a label gives for a name: text, whatever the type that
// the model asks for, and more than one when a key is repeated.
type params []string

// Reader hands out the values of a request to generated code. What is absent though
// required goes to its Checker; a value of a wrong type makes the request malformed,
// and the first such place is the one reported.
type Reader struct {
	Checker
	body      []byte
	query     url.Values
	labels    Object
	moved     []string // members that an alias has in the query
	malformed error
}

// Body returns the members of the body. An empty body, or null, has none.
func (r *Reader) Body() Object {
	o, err := object(r.body)
	if err != nil && r.malformed == nil {
		r.malformed = err
	}
	for _, name := range r.moved {
		if values, ok := r.query[name]; ok {
			if o == nil {
				o = Object{}
			}
			o[name] = params(values)
		}
	}
	return o
}

// Query returns the query string's values.
func (r *Reader) Query() Object {
	o := make(Object, len(r.query))
	for name, values := range r.query {
		o[name] = params(values)
	}
	return o
}

// Labels returns the values of the path.
func (r *Reader) Labels() Object { return r.labels }

func object(body []byte) (Object, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber() // a float64 would round large numbers
	var v any
	if err := dec.Decode(&v); err != nil {
		at := int64(len(body)) // cut off, unless the decoder knows a place
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = syntax.Offset
		}
		return nil, fault.New(fault.Malformed, "body is not JSON at byte %d", at)
	}
	end := dec.InputOffset()
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.New(fault.Malformed, "body is not JSON: text after the value at byte %d", end)
	}
	o, ok := v.(Object)
	if !ok && v != nil {
		return nil, fault.New(fault.Malformed, "body is not a JSON object")
	}
	return o, checkJSONText(body)
}

// refuse notes that v, at the present place or below it under name, is not a want.
func (r *Reader) refuse(name string, v any, want string) {
	if r.malformed != nil {
		return
	}
	r.malformed = fault.New(fault.Malformed, "%s can not be converted to %s at '%s'", tokenOf(v), want, where(r.below(name)))
}

// tokenOf names a value's kind in the words that AWS's parser uses.
func tokenOf(v any) string {
	switch v := v.(type) {
	case bool:
		return strings.ToUpper(strconv.FormatBool(v)) + "_VALUE"
	case json.Number:
		return "NUMBER_VALUE"
	case []any:
		return "LIST_VALUE"
	case Object:
		return "STRUCTURE_VALUE"
	default:
		return "STRING_VALUE"
	}
}

// opt reads a member that may be absent; null is absent.
func opt[T any](r *Reader, o Object, name, want string, as func(any) (T, bool)) *T {
	v := o[name]
	if v == nil {
		return nil
	}
	x, ok := as(v)
	if !ok {
		r.refuse(name, v, want)
		return nil
	}
	return &x
}

func need[T any](r *Reader, name string, x *T) T {
	if x == nil {
		r.null(name)
		return *new(T)
	}
	return *x
}

// OptString reads a member that may be absent.
func (r *Reader) OptString(o Object, name string) *string {
	s := opt(r, o, name, "a String", asString)
	if s != nil {
		r.noNUL(name, *s)
	}
	return s
}

// noNUL refuses a text with a NUL, which not every database can keep, and no record of
// a file may have.
func (r *Reader) noNUL(name, s string) {
	r.unless(strings.IndexByte(s, 0) < 0, name, ruleNUL)
}

// String reads a member that must be there.
func (r *Reader) String(o Object, name string) string { return need(r, name, r.OptString(o, name)) }

// OptEnum reads a word of an enumeration; "" stands for absent in the value, so one
// that was sent is refused here.
func (r *Reader) OptEnum(o Object, name string, t *Text) string {
	s := r.OptString(o, name)
	if s == nil {
		return ""
	}
	if *s == "" {
		r.Text(name, "", t)
	}
	return *s
}

// OptInt reads a member that may be absent.
func (r *Reader) OptInt(o Object, name string) *int64 { return opt(r, o, name, "an Integer", asInt) }

// Int reads a member that must be there.
func (r *Reader) Int(o Object, name string) int64 { return need(r, name, r.OptInt(o, name)) }

// OptFloat reads a member that may be absent.
func (r *Reader) OptFloat(o Object, name string) *float64 {
	return opt(r, o, name, "a Double", asFloat)
}

// Float reads a member that must be there.
func (r *Reader) Float(o Object, name string) float64 { return need(r, name, r.OptFloat(o, name)) }

// OptBool reads a member that may be absent.
func (r *Reader) OptBool(o Object, name string) *bool { return opt(r, o, name, "a Boolean", asBool) }

// Bool reads a member that must be there.
func (r *Reader) Bool(o Object, name string) bool { return need(r, name, r.OptBool(o, name)) }

// OptTime reads a member that may be absent.
func (r *Reader) OptTime(o Object, name string) *time.Time {
	return opt(r, o, name, "a Timestamp", asTime)
}

// Time reads a member that must be there.
func (r *Reader) Time(o Object, name string) time.Time { return need(r, name, r.OptTime(o, name)) }

// Map reads a map of strings; nil is absent.
func (r *Reader) Map(o Object, name string) map[string]string {
	in := opt(r, o, name, "a Map", as[Object])
	if in == nil {
		return nil
	}
	r.push(name)
	defer r.pop()
	m := make(map[string]string, len(*in))
	for k, v := range *in {
		// The key is the caller's own text and stays out of the place.
		s, ok := asString(v)
		switch {
		case v == nil:
			r.null("")
		case !ok:
			r.refuse("", v, "a String")
		}
		r.noNUL("", k+s)
		m[k] = s
	}
	return m
}

// ReadStruct reads a structure; nil is absent.
func ReadStruct[T any](r *Reader, o Object, name string, read func(*T, *Reader, Object)) *T {
	in := opt(r, o, name, "a Structure", as[Object])
	if in == nil {
		return nil
	}
	r.push(name)
	defer r.pop()
	x := new(T)
	read(x, r, *in)
	return x
}

// ReadList reads a list of structures; nil is absent.
func ReadList[T any](r *Reader, o Object, name string, read func(*T, *Reader, Object)) []T {
	return list(r, o, name, func(x *T, v any) {
		in, ok := v.(Object)
		if !ok {
			r.refuse("", v, "a Structure")
			return
		}
		read(x, r, in)
	})
}

// ReadTexts reads a list of strings; nil is absent.
func ReadTexts[T ~string](r *Reader, o Object, name string) []T {
	return list(r, o, name, func(x *T, v any) {
		s, ok := asString(v)
		if !ok {
			r.refuse("", v, "a String")
			return
		}
		r.noNUL("", s)
		*x = T(s)
	})
}

func list[T any](r *Reader, o Object, name string, read func(*T, any)) []T {
	in := opt(r, o, name, "a List", asList)
	if in == nil {
		return nil
	}
	r.push(name)
	defer r.pop()
	out := make([]T, len(*in))
	for i, v := range *in {
		r.pushIndex(i)
		if v == nil {
			r.null("")
		} else {
			read(&out[i], v)
		}
		r.pop()
	}
	return out
}

func as[T any](v any) (T, bool) {
	x, ok := v.(T)
	return x, ok
}

func asList(v any) ([]any, bool) {
	p, ok := v.(params)
	if !ok {
		return as[[]any](v)
	}
	out := make([]any, len(p))
	for i, s := range p {
		out[i] = s
	}
	return out, true
}

func asString(v any) (string, bool) {
	if p, ok := v.(params); ok {
		return p[0], true
	}
	return as[string](v)
}

// digits returns the text of a number: of any text when it comes from the query.
func digits(v any) (string, bool) {
	switch v := v.(type) {
	case json.Number:
		return string(v), true
	case params:
		return v[0], true
	}
	return "", false
}

// asInt takes the models' 32-bit integers. 1.0 and 1e2 are numbers, but no integers.
func asInt(v any) (int64, bool) {
	s, ok := digits(v)
	if !ok || !integerForm.MatchString(s) {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0, false
	}
	return n, true
}

func asFloat(v any) (float64, bool) {
	s, ok := digits(v)
	if !ok || !numberForm.MatchString(s) {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// asBool also takes the words that SES turns into booleans.
func asBool(v any) (bool, bool) {
	if b, ok := v.(bool); ok {
		return b, true
	}
	s, ok := asString(v)
	if !ok {
		return false, false
	}
	switch strings.ToLower(s) {
	case "true", "yes", "1":
		return true, true
	case "false", "no", "0":
		return false, true
	}
	return false, false
}

// The first and the last second that RFC 3339 can write.
const firstSecond, lastSecond = -62167219200, 253402300799

// asTime takes seconds since 1970, rounded to milliseconds, or RFC 3339.
func asTime(v any) (time.Time, bool) {
	if f, ok := asFloat(v); ok {
		if f < firstSecond || f > lastSecond {
			return time.Time{}, false
		}
		return time.UnixMilli(int64(math.Round(f * 1000))).UTC(), true
	}
	s, ok := asString(v)
	if !ok || !timeForm.MatchString(s) {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, strings.ToUpper(s))
	return t.UTC(), err == nil
}
