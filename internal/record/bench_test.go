package record

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

const benchRows = 200_000

// rowsOf writes many rows, each by the format for a number and a word.
func rowsOf(format string) string {
	var b bytes.Buffer
	for i := range benchRows {
		fmt.Fprintf(&b, format, i*7919%1_000_003, [...]string{"BOUNCE", "COMPLAINT"}[i%2])
	}
	return b.String()
}

func BenchmarkRecords(b *testing.B) {
	csv := rowsOf("user%07d@mail.example.com,%s\n")
	lines := rowsOf(`{"emailAddress":"user%07d@mail.example.com","reason":"%s"}` + "\n")
	for _, bb := range []struct {
		name   string
		format Format
		schema Schema
		text   string
		rows   int
	}{
		{"CSV", CSV, twoPlain, csv, benchRows},
		{"CSV/CRLF", CSV, twoPlain, rowsOf("user%07d@mail.example.com,%s\r\n"), benchRows},
		{"CSV/quotes", CSV, twoPlain, rowsOf("\"user%07d@mail.example.com\",\"%s\"\n"), benchRows},
		{"CSV/UTF-8", CSV, twoPlain, rowsOf("user%07d@bücher.example.com,%s\n"), benchRows},
		{"CSV/one-column", CSV, oneOptional, "address\n" + rowsOf("user%07d@mail.example.com%.0s\n"), benchRows},
		{"CSV/gzip", CSV, twoPlain, pack(b, "gzip", csv), benchRows},
		{"CSV/zstd", CSV, twoPlain, pack(b, "zstd", csv), benchRows},
		{"CSV/UTF-16", CSV, twoPlain, pack(b, "utf16le", csv), benchRows},
		{"JSON/lines", JSON, members, lines, benchRows},
		{"JSON/spaced", JSON, members, rowsOf("{\n  \"emailAddress\": \"user%07d@mail.example.com\",\n  \"reason\": \"%s\"\n}\n"), benchRows},
		{"JSON/items", JSON, items, `{"items":[` + rowsOf(`{"address":"user%07d@mail.example.com"%.0s},`+"\n") + `{}]}`, benchRows + 1},
		{"JSON/gzip", JSON, members, pack(b, "gzip", lines), benchRows},
	} {
		b.Run(bb.name, func(b *testing.B) {
			src := source(bb.text)
			b.SetBytes(unpacked(b, bb.text))
			b.ReportAllocs()
			for b.Loop() {
				d, err := Open(src, bb.format, bb.schema, Position{}, 0)
				if err != nil {
					b.Fatal(err)
				}
				n := 0
				for rec, err := range d.Records() {
					if err != nil || rec != nil && rec.Refused != nil {
						b.Fatal(err, rec)
					}
					if rec != nil {
						n++
					}
				}
				if d.Close(); n != bb.rows {
					b.Fatalf("%d records, want %d", n, bb.rows)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(bb.rows), "ns/record")
		})
	}
}

// unpacked tells how many bytes a source unpacks to.
func unpacked(b *testing.B, text string) int64 {
	t, err := openText(source(text), 0)
	if err != nil {
		b.Fatal(err)
	}
	defer t.Close()
	n, err := io.Copy(io.Discard, t)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// TestReadingAllocatesNothing: what a reading allocates does not grow with its records.
func TestReadingAllocatesNothing(t *testing.T) {
	for name, src := range map[string]struct {
		f Format
		s Schema
		t string
	}{
		"CSV":    {CSV, twoPlain, rowsOf("user%07d@mail.example.com,%s\n")},
		"quotes": {CSV, twoPlain, rowsOf("\"user%07d@mail.\"\"example.com\",\"%s\"\n")},
		"JSON":   {JSON, members, rowsOf(`{"emailAddress":"user%07d@\u0065xample.com","reason":"%s"}` + "\n")},
		"bad":    {JSON, members, "{}\n" + rowsOf(`{"emailAddress":"user%07d@\u0065xample.com","reason":"%s}`+"\n")},
	} {
		n := testing.AllocsPerRun(1, func() {
			if recs, err := count(src.t, src.f, src.s); err != nil || recs < benchRows {
				t.Errorf("%s: %d records, error %v", name, recs, err)
			}
		})
		if n > 200 {
			t.Errorf("%s: %v allocations for %d records", name, n, benchRows)
		}
	}
}

func count(text string, f Format, s Schema) (n int, err error) {
	d, err := Open(source(text), f, s, Position{}, 0)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	for rec, err := range d.Records() {
		if err != nil {
			return n, err
		}
		if rec != nil {
			n++
		}
	}
	return n, nil
}
