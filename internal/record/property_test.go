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
	csvPieces  = []string{"a", "bc@d.e", ",", ",", "\"", "\"\"", "\n", "\n", "\r\n", "\r", " ", "\t", "é", "\xff", "\x00", "emailAddress", "reason", "r.x", strings.Repeat("x", 30), "\",\"", "\"\n\""}
	jsonPieces = []string{
		`{"emailAddress":"a"}`, `{"emailAddress":"é","reason":"b\n"}`, `{"emailAddress":"` + "\xff" + `"}`, "{\n\"reason\" : 1 }", `{`, `}`, `[`, `]`, `"`, `,`, `:`, "\n", "\n", "\r\n", "\r", " ",
		`"emailAddress"`, `"reason"`, `"items"`, `1`, `-1.5e9`, `true`, `nul`, `\u00e4`, `[[[[[]]]]]`, strings.Repeat("9", 30), `"x"`, `{"items":[`, `]}`,
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

func TestResumingIsReadingOn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, f, s := randomSource(t)
		src, max := source(text), tiny
		max.chunk = rapid.IntRange(1, 50).Draw(t, "chunk")
		if form := rapid.SampledFrom([]string{"", "gzip", "zstd", "utf16le", "utf16be"}).Draw(t, "form"); form != "" {
			src = source(pack(t, form, text))
		}
		recs, ends, err := readAll(src, f, s, Position{}, max)
		for k, at := range ends {
			rest, _, restErr := readAll(src, f, s, at, max)
			if !slices.Equal(rest, recs[k:]) {
				t.Fatalf("resumed after %d of %d records at %+v:\n got %v\nwant %v", k, len(recs), at, rest, recs[k:])
			}
			if message(restErr) != message(err) {
				t.Fatalf("resumed after %d of %d records at %+v: error %v, want %v", k, len(recs), at, restErr, err)
			}
		}
	})
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
		from := int64(0)
		if len(ends) > 0 {
			from = ends[0].Offset
		}
		for i, r := range recs {
			raw := text[r.Offset : r.Offset+int64(len(r.Raw))]
			if raw != r.Raw && r.Refused != "too-long" {
				t.Fatalf("raw %q is not what lies at byte %d: %q", r.Raw, r.Offset, raw)
			}
			if gap := strings.Trim(text[from:r.Offset], " \t\r\n,[]"); gap != "" {
				t.Fatalf("text %q before record %v is in no record", gap, r)
			}
			from = ends[i+1].Offset
		}
		if gap := strings.Trim(text[from:], " \t\r\n,[]"); gap != "" {
			t.Fatalf("text %q after the last record is in no record", gap)
		}
	})
}
