package record

import (
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// TestNoTextWithoutPositions: however much text has no record, the reading can be
// interrupted after each chunk of it, and a reading that is resumed there does not read
// again what was read before.
func TestNoTextWithoutPositions(t *testing.T) {
	t.Parallel()
	const size = 8 << 20
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	for _, tt := range []struct {
		name   string
		format Format
		schema Schema
		text   string
		want   []string
	}{
		{"CSV, empty lines", CSV, twoPlain, "a\n" + fill("\n") + "b\n", []string{"1", "1"}},
		{"CSV, blank lines", CSV, twoPlain, "a\n" + fill(" \t\r\n") + "b\n", []string{"1", "1"}},
		{"CSV, before the header", CSV, twoNamed, fill("\r\n") + "emailAddress\na\n", []string{"1"}},
		{"CSV, nothing but lines", CSV, twoPlain, fill("\n"), nil},
		{"CSV, a long row", CSV, twoPlain, "a\n" + fill("x") + "\nb\n", []string{"1", "too-long", "1"}},
		{"CSV, a long first row", CSV, twoPlain, fill("x") + "\nb\n", []string{"too-long", "1"}},
		{"CSV, an open quote", CSV, twoPlain, "a\n\"" + fill("x") + "\nb\n", []string{"1", "too-long", "1"}},
		{"CSV, a line of blanks", CSV, twoPlain, "a\n" + fill(" ") + "\nb\n", []string{"1", "too-long", "1"}},
		{"lines, white space", JSON, items, "\"a\"\n" + fill(" \r\n,") + "\"bb\"", []string{"1", "2"}},
		{"lines, a long line", JSON, items, "\"a\"\n\"" + fill("x") + "\"\n\"bb\"", []string{"1", "too-long", "2"}},
		{"lines, before the first", JSON, items, fill("\n") + "\"a\"", []string{"1"}},
		{"values, a long object", JSON, items, "{\n}\n{\"x\":\"" + fill("x") + "\"}\"bb\"", []string{"0", "too-long", "2"}},
		{"values, a long number", JSON, items, "{\n}\n" + fill("1") + " \"bb\"", []string{"0", "too-long", "2"}},
		{"array, before the first", JSON, items, fill("\n") + "[" + fill("\n") + "\"a\"]", []string{"1"}},
		{"array, before a comma", JSON, items, "[\"a\"" + fill(" ") + ",\"bb\"]", []string{"1", "2"}},
		{"array, behind a comma", JSON, items, "[\"a\"," + fill(" ") + "\"bb\"]", []string{"1", "2"}},
		{"array, behind the end", JSON, items, "[\"a\"]" + fill(" "), []string{"1"}},
		{"array, a long string", JSON, items, "[\"a\",\"" + fill("\\\"") + "\",\"bb\"]", []string{"1", "too-long", "2"}},
		{"array, a deep array", JSON, items, "[\"a\"," + strings.Repeat("[", size/2) + strings.Repeat("]", size/2) + ",\"bb\"]", []string{"1", "too-deep", "2"}},
		{"items, members behind", JSON, items, `{"items":["a"]` + fill(`,"x":[1]`) + "}", []string{"1"}},
		{"items, many arrays", JSON, items, `{"items":["a"]` + fill(`,"items":[]`) + `,"items":["bb"]}`, []string{"1", "2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var read int64
			src := func(offset int64) (io.ReadCloser, error) {
				return io.NopCloser(&counted{strings.NewReader(tt.text[offset:]), &read}), nil
			}
			var tokens []string
			var at Position
			opened := 0
			for more := true; more; opened++ {
				at, more = readOn(t, src, tt.format, tt.schema, at, &tokens)
			}
			if !slices.Equal(tokens, tt.want) {
				t.Errorf("got %v, want %v", tokens, tt.want)
			}
			if at.Offset != int64(len(tt.text)) {
				t.Errorf("the last position is at byte %d, want %d", at.Offset, len(tt.text))
			}
			// A long record is read as far as to know that it is, which is not a position yet.
			if least := len(tt.text) / defaultLimits.chunk * 3 / 4; opened < least {
				t.Errorf("interrupted %d times, want at least %d", opened, least)
			}
			// The chunk that is in memory at a position is read again.
			if most := 2*int64(len(tt.text)) + 8*MaxRecord; read > most {
				t.Errorf("read %d bytes, want at most %d", read, most)
			}
		})
	}
}

// readOn reads from a position until there is another, and reports whether there may be
// more.
func readOn(t *testing.T, src Source, f Format, s Schema, at Position, tokens *[]string) (Position, bool) {
	t.Helper()
	d, err := Open(src, f, s, at, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for rec, err := range d.Records() {
		if err != nil {
			t.Fatal(err)
		}
		if rec != nil {
			*tokens = append(*tokens, codeOrLength(rec))
		}
		if d.Position() != at {
			return d.Position(), true
		}
	}
	return d.Position(), false
}

// counted counts what is read.
type counted struct {
	io.Reader
	n *int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	*c.n += int64(n)
	return n, err
}

// TestRecordsThatComeByteByByte: a record is read from its start again only when a good part
// more of it has come, whatever the pieces in which the source comes.
func TestRecordsThatComeByteByByte(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", 100_000)
	for _, tt := range []struct {
		name   string
		format Format
		text   string
	}{
		{"CSV", CSV, text + "\n"},
		{"CSV, quoted", CSV, "\"" + text + "\"\n"},
		{"JSON lines", JSON, "\"" + text + "\"\n"},
		{"JSON array", JSON, "[{\"emailAddress\":\"" + text + "\"}]"},
		{"JSON items", JSON, "{\"x\":\"" + text + "\",\"items\":[\"a\"]}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src := func(offset int64) (io.ReadCloser, error) {
				return io.NopCloser(iotest.OneByteReader(strings.NewReader(tt.text[offset:]))), nil
			}
			d, err := Open(src, tt.format, items, Position{}, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			records, looks := 0, 0
			for rec, err := range d.Records() {
				switch {
				case err != nil:
					t.Fatal(err)
				case rec == nil:
					looks++
				default:
					records++
				}
			}
			if records != 1 || looks > 500 {
				t.Errorf("got %d records after %d looks at the text, want 1 after at most 500", records, looks)
			}
		})
	}
}

// TestStates: the state that a layout names is one of its format, or the position is
// refused.
func TestStates(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		format Format
		layout string
		known  bool
	}{
		{CSV, "plain csv", true},
		{CSV, "plain csv 0,-,1", true},
		{CSV, "plain in-line csv", true},
		{CSV, `plain in-line csv ["reason"]`, true},
		{CSV, "plain begin csv", true},
		{CSV, "plain begin json", false},
		{CSV, "plain due csv", false},
		{CSV, "plain in-value:1:1 csv", false},
		{CSV, "plain in-line:1:1 csv", false},
		{CSV, "plain nowhere csv", false},
		{CSV, "plain begin", false},
		{CSV, "plain", false},
		{JSON, "plain json lines", true},
		{JSON, "plain begin json", true},
		{JSON, "plain begin json lines", false},
		{JSON, "plain json", false},
		{JSON, "plain in-line json lines", true},
		{JSON, "plain in-line json array", false},
		{JSON, "plain in-string:0:3 json array", true},
		{JSON, "plain in-string:-1:3 json array", false},
		{JSON, "plain in-string json array", false},
		{JSON, "plain in-string:1:3:4 json array", false},
		{JSON, "plain in-value:1:3 json lines", false},
		{JSON, "plain in-number json values", true},
		{JSON, "plain due json array", true},
		{JSON, "plain due json values", false},
		{JSON, "plain member json items", true},
		{JSON, "plain member json array", false},
		{JSON, "plain over json items", true},
		{JSON, "plain over json lines", false},
	} {
		d, err := Open(source("{}"), tt.format, twoPlain, Position{Record: 1, Layout: tt.layout}, 0)
		if tt.known != (err == nil) {
			t.Errorf("%s, layout %s: error %v, want one: %t", tt.format, tt.layout, err, !tt.known)
		}
		if err == nil {
			if got := d.Position().Layout; got != tt.layout {
				t.Errorf("%s: the layout has become %s, want %s", tt.format, got, tt.layout)
			}
			d.Close()
		}
	}
}
