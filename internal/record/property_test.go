package record

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/fault"
	"pgregory.net/rapid"
)

// tiny makes records of 40 bytes too long, so that short texts meet every limit.
var tiny = limits{record: 40, raw: 16, chunk: 64}

// csvPieces and jsonPieces are what random sources are made of: whatever means
// something to a scanner, and a little text.
var (
	csvPieces  = []string{"\n\n\n \n\n\n", strings.Repeat("\n", 20), "\r\n\r\n \r\n", "\r\r\r", "\"\"\"\n\"\"", strings.Repeat("x", 90), strings.Repeat(" ", 45), "a", "bc@d.e", ",", ",", "\"", "\"\"", "\n", "\n", "\r\n", "\r", " ", "\t", "é", "\xff", "\x00", "emailAddress", "reason", "r.x", strings.Repeat("x", 30), "\",\"", "\"\n\""}
	jsonPieces = []string{
		`{"emailAddress":"a"}`, `{"emailAddress":"é","reason":"b\n"}`, `{"emailAddress":"` + "\xff" + `"}`, "{\n\"reason\" : 1 }", `{`, `}`, `[`, `]`, `"`, `,`, `:`, "\n", "\n", "\r\n", "\r", " ",
		`"emailAddress"`, `"reason"`, `"items"`, `1`, `-1.5e9`, `true`, `nul`, `\u00e4`, `[[[[[]]]]]`, strings.Repeat("9", 30), `"x"`, `{"items":[`, `]}`, `],"items":[`, `],"items":[],"x":[`, `[{"a":"\\"},[`, strings.Repeat("y", 90), strings.Repeat("9", 90), `{"a":[`, `"\\\"`, " \n\r\n \r\r\n", strings.Repeat("[", 66), strings.Repeat("]", 66),
	}
)

// randomSource draws a source, its format and a schema.
func randomSource(t *rapid.T) (text string, f Format, s Schema) {
	f, pieces := CSV, csvPieces
	if rapid.Bool().Draw(t, "json") {
		f, pieces = JSON, jsonPieces
	}
	text = strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 60).Draw(t, "pieces"), "")
	if f == JSON {
		text = rapid.SampledFrom([]string{"", "[", `{"items":[`, "{}\n"}).Draw(t, "opening") + text
	}
	s = Schema{
		Fields: rapid.SampledFrom([][]string{{"emailAddress", "reason"}, {"emailAddress", "reason", "r.*"}}).Draw(t, "fields"),
		Header: rapid.SampledFrom([]Header{HeaderNone, HeaderRequired, HeaderOptional}).Draw(t, "header"),
		Items:  rapid.SampledFrom([]string{"", "items"}).Draw(t, "items"),
		Bare:   rapid.Bool().Draw(t, "bare"),
	}
	return text, f, s
}

// TestResumingIsReadingOn: a reading that is resumed at any position comes to the same
// records and the same end as one that is not interrupted.
func TestResumingIsReadingOn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, f, s := randomSource(t)
		src, max := source(text), tiny
		max.chunk = rapid.IntRange(1, 50).Draw(t, "chunk")
		if form := rapid.SampledFrom([]string{"", "gzip", "zstd", "utf16le", "utf16be"}).Draw(t, "form"); form != "" {
			src = source(pack(t, form, text))
		}
		points, recs, err := readPoints(src, f, s, Position{}, max)
		var last Position
		for _, p := range points {
			if p.at == last {
				continue
			}
			last = p.at
			_, rest, restErr := readPoints(src, f, s, p.at, max)
			if !slices.Equal(rest, recs[p.records:]) {
				t.Fatalf("resumed after %d of %d records at %+v:\n got %v\nwant %v", p.records, len(recs), p.at, rest, recs[p.records:])
			}
			if message(restErr) != message(err) {
				t.Fatalf("resumed after %d of %d records at %+v: error %v, want %v", p.records, len(recs), p.at, restErr, err)
			}
		}
		if err != nil {
			return
		}
		if size := textSize(t, src); last.Offset != size {
			t.Fatalf("the last position is at byte %d, want %d", last.Offset, size)
		}
	})
}

// textSize returns the size of a source's text.
func textSize(t *rapid.T, src Source) int64 {
	e := NewExcerpts(src, "packed")
	defer e.Close()
	if _, err := e.At(0, 0); err != nil {
		t.Fatal(err)
	}
	if err := e.d.win.need(1 << 20); err != nil {
		t.Fatal(err)
	}
	return int64(len(e.d.win.unread()))
}

// TestInterruptedEverywhere: a reading that is interrupted at every position comes to the
// same records and the same end.
func TestInterruptedEverywhere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, f, s := randomSource(t)
		src, max := source(text), tiny
		max.chunk = rapid.IntRange(1, 50).Draw(t, "chunk")
		if form := rapid.SampledFrom([]string{"", "gzip", "utf16le"}).Draw(t, "form"); form != "" {
			src = source(pack(t, form, text))
		}
		_, want, wantErr := readPoints(src, f, s, Position{}, max)
		var recs []got
		var at Position
		var err error
		for next, more := at, true; more && err == nil; at = next {
			recs, next, more, err = readStep(src, f, s, at, max, recs)
			if next.Record < at.Record || next.Offset < at.Offset {
				t.Fatalf("from position %+v to %+v", at, next)
			}
		}
		if !slices.Equal(recs, want) || message(err) != message(wantErr) {
			t.Fatalf("interrupted everywhere:\n got %v %v\nwant %v %v", recs, err, want, wantErr)
		}
	})
}

// readStep reads from a position to the next, and reports whether there may be more.
func readStep(src Source, f Format, s Schema, at Position, max limits, recs []got) ([]got, Position, bool, error) {
	d, err := open(src, f, s, at, max)
	if err != nil {
		return recs, at, false, err
	}
	defer d.Close()
	for rec, err := range d.Records() {
		if err != nil {
			return recs, at, false, err
		}
		if rec != nil {
			recs = append(recs, copyOf(rec))
		}
		if d.Position() != at {
			return recs, d.Position(), true, nil
		}
	}
	return recs, d.Position(), false, nil
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return fmt.Sprint(fault.KindOf(err), err)
}

func TestChunksDoNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, f, s := randomSource(t)
		one, other := tiny, tiny
		one.chunk, other.chunk = 1, rapid.IntRange(2, 300).Draw(t, "chunk")
		recs, ends, err := readAll(source(text), f, s, Position{}, one)
		recs2, ends2, err2 := readAll(source(text), f, s, Position{}, other)
		if !slices.Equal(recs, recs2) || !slices.Equal(ends, ends2) || message(err) != message(err2) {
			t.Fatalf("in chunks of 1: %v %v %v\nin chunks of %d: %v %v %v", recs, ends, err, other.chunk, recs2, ends2, err2)
		}
	})
}

// TestNothingIsLost: every byte of a source is in a record's raw text or is a line
// end, a blank or, in JSON, punctuation around records.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, f, s := randomSource(t)
		s.Header, s.Items = HeaderNone, ""
		max := tiny
		max.raw = max.record + len(text)
		recs, ends, err := readAll(source(text), f, s, Position{}, max)
		if err != nil {
			return // what follows was not read, and the job says so
		}
		for i, end := range ends {
			next := int64(len(text))
			if i < len(recs) {
				next = recs[i].Offset
			}
			gap := text[end.Offset:next]
			if i == 0 && strings.Contains(gap, "emailAddress") { // a header
				continue
			}
			switch { // the rest of what is too long
			case strings.Contains(end.Layout, " in-line "):
				gap = strings.TrimLeft(gap, strings.ReplaceAll(strings.ReplaceAll(gap, "\n", ""), "\r", ""))
			case strings.Contains(end.Layout, " in-"):
				gap = ""
			}
			if gap := strings.Trim(gap, " \t\r\n,[]"); gap != "" {
				t.Fatalf("text %q behind %+v is in no record", gap, end)
			}
		}
		for _, r := range recs {
			raw := text[r.Offset : r.Offset+int64(len(r.Raw))]
			if raw != r.Raw && r.Refused != "too-long" {
				t.Fatalf("raw %q is not what lies at byte %d: %q", r.Raw, r.Offset, raw)
			}
		}
	})
}
