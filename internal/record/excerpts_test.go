package record

import (
	"io"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/fault"
	"pgregory.net/rapid"
)

// TestExcerptsAreTheRecords: a record's offset and length lead back to its text, in every
// form that a source has.
func TestExcerptsAreTheRecords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, f, s := randomSource(t)
		src, max := source(text), tiny
		max.chunk = rapid.IntRange(1, 50).Draw(t, "chunk")
		if form := rapid.SampledFrom([]string{"", "gzip", "zstd", "utf16le", "utf16be"}).Draw(t, "form"); form != "" {
			src = source(pack(t, form, text))
		}
		recs, ends, _ := readAll(src, f, s, Position{}, max)
		if len(recs) == 0 {
			return
		}
		e := NewExcerpts(src, ends[len(ends)-1].Layout)
		e.max = max
		defer e.Close()
		for i, rec := range recs {
			if !rapid.Bool().Draw(t, "wanted") {
				continue
			}
			got, err := e.At(rec.Offset, len(rec.Raw))
			if err != nil || string(got) != rec.Raw {
				t.Fatalf("record %d, %d bytes at %d: %q, %v, want %q", i+1, len(rec.Raw), rec.Offset, got, err, rec.Raw)
			}
		}
	})
}

func TestExcerptsOfAPlainSourceSkip(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("0123456789", 1<<20)
	opened := []int64{}
	src := func(offset int64) (io.ReadCloser, error) {
		opened = append(opened, offset)
		return io.NopCloser(strings.NewReader(text[offset:])), nil
	}
	e := NewExcerpts(src, "plain columns")
	defer e.Close()
	for _, at := range []int64{5, 5_000_003, 5_000_103} {
		if got, err := e.At(at, 10); err != nil || string(got) != text[at:at+10] {
			t.Errorf("At(%d) = %q, %v, want %q", at, got, err, text[at:at+10])
		}
	}
	if len(opened) != 2 || opened[1] != 5_000_003 {
		t.Errorf("opened at %v, want 5 and 5000003", opened)
	}
	if _, err := e.At(5, 1); err == nil {
		t.Error("going back: no error")
	}
	if _, err := e.At(int64(len(text))-5, 10); !fault.Is(err, fault.Broken) {
		t.Errorf("beyond the end: %v, want Broken", err)
	}
}

// TestD169_UnpackingIsBounded: a compressed source that unpacks to more than it may is broken
// there, also if it has no records, and what comes before is read.
func TestD169_UnpackingIsBounded(t *testing.T) {
	t.Parallel()
	rows := strings.Repeat("a@example.com,BOUNCE\n", 1000)
	for name, c := range map[string]struct {
		text   string
		form   string
		most   int64
		broken bool
	}{
		"plain":              {rows, "", 1000, false},
		"UTF-16":             {rows, "utf16le", 1000, false},
		"gzip":               {rows, "gzip", 1000, true},
		"zstd":               {rows, "zstd", 1000, true},
		"exactly as much":    {rows, "gzip", int64(len(rows)), false},
		"one byte more":      {rows, "gzip", int64(len(rows)) - 1, true},
		"no bound":           {rows, "gzip", 0, false},
		"without any record": {strings.Repeat("\n", 1<<20), "gzip", 1000, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := c.text
			if c.form != "" {
				text = pack(t, c.form, text)
			}
			max := defaultLimits
			max.text = c.most
			recs, _, err := readAll(source(text), CSV, twoPlain, Position{}, max)
			switch {
			case !c.broken && err != nil:
				t.Errorf("%d records, %v, want no error", len(recs), err)
			case c.broken && (!fault.Is(err, fault.Broken) || !strings.Contains(err.Error(), "unpacks to more than")):
				t.Errorf("%d records, %v, want Broken", len(recs), err)
			}
		})
	}
}
