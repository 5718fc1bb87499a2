package wire

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/fault"
)

func TestD180_Integers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   any
		want int64
		ok   bool
	}{
		{json.Number("0"), 0, true},
		{json.Number("-7"), -7, true},
		{json.Number("10.0"), 0, false},
		{json.Number("1e2"), 0, false},
		{params{"-0"}, 0, true},
		{params{"1_000"}, 0, false},
		{params{"1e2"}, 0, false},
		{params{"0x10"}, 0, false},
		{params{"+1"}, 0, false},
		{params{" 1"}, 0, false},
		{params{"1 "}, 0, false},
		{params{"1.0"}, 0, false},
		{params{"01"}, 0, false},
		{params{"1\n"}, 0, false},
		{params{"١"}, 0, false},
		{params{""}, 0, false},
		{json.Number("2147483647"), math.MaxInt32, true},
		{json.Number("2147483648"), 0, false},
		{json.Number("1.5"), 0, false},
		{json.Number("1e999"), 0, false},
		{params{"12"}, 12, true},
		{params{"NaN"}, 0, false},
		{"12", 0, false}, // a string in a body is no number
		{true, 0, false},
	} {
		if got, ok := asInt(tt.in); got != tt.want || ok != tt.ok {
			t.Errorf("asInt(%#v) = %d, %t, want %d, %t", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

func TestD111_NUL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		what string
		read func(*Reader, Object)
		in   any
	}{
		{"a text", func(r *Reader, o Object) { r.String(o, "x") }, "a\x00"},
		{"a text of the query", func(r *Reader, o Object) { r.OptString(o, "x") }, params{"\x00"}},
		{"a list's text", func(r *Reader, o Object) { ReadTexts[string](r, o, "x") }, []any{"a", "\x00b"}},
		{"a map's value", func(r *Reader, o Object) { r.Map(o, "x") }, Object{"k": "\x00"}},
		{"a map's key", func(r *Reader, o Object) { r.Map(o, "x") }, Object{"\x00": "v"}},
	} {
		r := &Reader{}
		tt.read(r, Object{"x": tt.in})
		if err := r.Err(); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "Value at 'x") || !strings.Contains(err.Error(), ruleNUL) {
			t.Errorf("%s: %v, want it refused at x", tt.what, err)
		}
	}
}

func TestBooleans(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{"true": true, "YES": true, "1": true, "False": false, "no": false, "0": false} {
		if got, ok := asBool(in); got != want || !ok {
			t.Errorf("asBool(%q) = %t, %t, want %t, true", in, got, ok, want)
		}
	}
	for _, in := range []any{"", "y", json.Number("1"), []any{}} {
		if _, ok := asBool(in); ok {
			t.Errorf("asBool(%#v) accepted, want it refused", in)
		}
	}
}

func TestTimesIn(t *testing.T) {
	t.Parallel()
	want := time.UnixMilli(1790312384592).UTC()
	for _, in := range []any{
		json.Number("1790312384.592"),
		json.Number("1.790312384592E9"), // the form that SES itself sends
		"2026-09-25T04:59:44.592Z",
		params{"2026-09-25T04:59:44.592000Z"},
		params{"2026-09-25T06:59:44.592+02:00"},
		params{"1790312384.592"},
		"2026-09-25t04:59:44.592z",
	} {
		if got, ok := asTime(in); !ok || !got.Equal(want) {
			t.Errorf("asTime(%#v) = %v, %t, want %v", in, got, ok, want)
		}
	}
	for _, in := range []any{
		params{"1_790_312_384"},
		params{"0x1p3"},
		params{"+1790312384"},
		params{" 1790312384"},
		params{"Inf"},
		params{"NaN"},
		"2026-09-25T4:59:44Z", "2026-09-25T04:59:44,592Z", " 2026-09-25T04:59:44Z", "2026-09-25 04:59:44Z", "2026-09-25T04:59:44",
	} {
		if got, ok := asTime(in); ok {
			t.Errorf("asTime(%#v) = %v, want it refused", in, got)
		}
	}
	for _, in := range []any{"", "2026-09-25", json.Number("1e300"), json.Number("-1e12"), true, "1790312384"} {
		if got, ok := asTime(in); ok {
			t.Errorf("asTime(%#v) = %v, want it refused", in, got)
		}
	}
}

func TestTimesOut(t *testing.T) {
	t.Parallel()
	for want, in := range map[string]time.Time{
		`{"T":1790312384.592}`: time.UnixMilli(1790312384592),
		`{"T":1790312384.007}`: time.UnixMilli(1790312384007).Add(999 * time.Microsecond),
		`{"T":0.000}`:          time.Unix(0, 0),
		`{"T":-0.500}`:         time.UnixMilli(-500),
	} {
		var w Writer
		w.Open()
		w.Time("T", in)
		w.Close()
		if got := string(w.buf); got != want {
			t.Errorf("Time(%v) wrote %s, want %s", in, got, want)
		}
	}
}

func TestNullInAListIsAViolation(t *testing.T) {
	t.Parallel()
	r := &Reader{body: []byte(`{"Tags":["a",null]}`)}
	got := ReadTexts[string](r, r.Body(), "Tags")
	want := "1 validation error detected: Value at 'tags.2.member' failed to satisfy constraint: Member must not be null"
	if err := r.Err(); err == nil || err.Error() != want {
		t.Errorf("reading a list with null gives %q and %v, want %s", got, err, want)
	}
}

// Strings survive the way out and through any JSON parser.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a\"b\\c", "\x00\x1f\x7f", "Zürich \u2028", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var w Writer
		w.text(s)
		var got, want string
		if err := json.Unmarshal(w.buf, &got); err != nil {
			t.Fatalf("%q was written as %s: %v", s, w.buf, err)
		}
		std, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(std, &want); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%q came back as %q, want %q", s, got, want)
		}
	})
}

// FuzzBody: whatever a body is, what reaches an operation is Unicode as it was sent.
func FuzzBody(f *testing.F) {
	for _, s := range []string{`{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `{"a":"\ud83d\ude00"}`, `{"a":"\\ud800"}`, `{"\u0061":"\\\u0062"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := &Reader{body: body}
		o := r.Body()
		for name, v := range o {
			if s, ok := v.(string); ok && r.malformed == nil && (!utf8.ValidString(s) ||
				strings.ContainsRune(name+s, utf8.RuneError) && !strings.ContainsRune(string(body), utf8.RuneError) && !strings.Contains(strings.ToLower(string(body)), `\ufffd`)) {
				t.Errorf("body %q has %q: %q, which was not sent", body, name, s)
			}
		}
	})
}
