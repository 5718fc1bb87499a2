package record

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/fault"
)

// source gives text from any offset.
func source(text string) Source {
	return func(offset int64) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text[offset:])), nil
	}
}

// got is a record in a form that can be compared and shown.
type got struct {
	Number, Line, Offset int64
	Raw, Fields, Refused string
}

func (g got) String() string {
	return fmt.Sprintf("#%d line %d byte %d raw %q fields %s refused %q", g.Number, g.Line, g.Offset, g.Raw, g.Fields, g.Refused)
}

func copyOf(rec *Record) got {
	g := got{Number: rec.Number, Line: rec.Line, Offset: rec.Offset, Raw: string(rec.Raw)}
	if rec.Refused != nil {
		g.Refused = rec.Refused.Code
		return g
	}
	g.Fields = show(rec.Fields)
	return g
}

// show writes fields in short: text as it is in quotes, absent ones as -, others
// behind a word for their kind.
func show(fields []Field) string {
	tokens := make([]string, len(fields))
	for i, f := range fields {
		switch f.Kind {
		case Absent:
			tokens[i] = "-"
		case Text:
			tokens[i] = fmt.Sprintf("%q", f.Bytes)
		default:
			tokens[i] = map[Kind]string{Bool: "bool", Number: "number", Null: "null", Nested: "nested"}[f.Kind] + ":" + string(f.Bytes)
		}
	}
	return strings.Join(tokens, " ")
}

// readAll reads every record after at, and the position after each.
func readAll(src Source, f Format, s Schema, at Position, max limits) (recs []got, ends []Position, err error) {
	points, recs, err := readPoints(src, f, s, at, max)
	for i, p := range points {
		if i == 0 || p.records > points[i-1].records {
			ends = append(ends, p.at)
		}
	}
	return recs, ends, err
}

// point is a position at which a reading may be interrupted.
type point struct {
	at      Position
	records int // that were read before
}

// readPoints reads every record after at, and the positions at the beginning, at
// everything that is yielded, and at the end.
func readPoints(src Source, f Format, s Schema, at Position, max limits) (points []point, recs []got, err error) {
	d, err := open(src, f, s, at, max)
	if err != nil {
		return nil, nil, err
	}
	defer d.Close()
	points = append(points, point{d.Position(), 0})
	for rec, err := range d.Records() {
		if err != nil {
			return append(points, point{d.Position(), len(recs)}), recs, err
		}
		if rec != nil {
			recs = append(recs, copyOf(rec))
		}
		points = append(points, point{d.Position(), len(recs)})
	}
	return append(points, point{d.Position(), len(recs)}), recs, nil
}

// brief is a line for each record: what is expected of a record, in short.
func brief(recs []got) []string {
	lines := make([]string, len(recs))
	for i, r := range recs {
		what := r.Fields
		if r.Refused != "" {
			what = "!" + r.Refused
		}
		lines[i] = fmt.Sprintf("%d@%d %s", r.Line, r.Offset, what)
	}
	return lines
}

// checkRecords reads text in several ways that must not matter and compares what comes
// out with want, one short line a record.
func checkRecords(t *testing.T, text string, f Format, s Schema, want []string, broken string) {
	t.Helper()
	for _, chunk := range []int{defaultLimits.chunk, 7, 1} {
		recs, _, err := readAll(source(text), f, s, Position{}, limits{record: MaxRecord, raw: MaxRaw, chunk: chunk})
		if g, w := strings.Join(brief(recs), "\n"), strings.Join(want, "\n"); g != w {
			t.Errorf("%s %q in chunks of %d:\n got %s\nwant %s", f, text, chunk, g, w)
		}
		switch {
		case broken == "" && err != nil:
			t.Errorf("%s %q in chunks of %d: error %v, want none", f, text, chunk, err)
		case broken != "" && (!fault.Is(err, fault.Broken) || !strings.Contains(err.Error(), broken)):
			t.Errorf("%s %q in chunks of %d: error %v, want Broken with %q", f, text, chunk, err, broken)
		}
	}
}

func repeat(s string, n int) string { return string(bytes.Repeat([]byte(s), n)) }
