package record

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/fault"
)

// The ways in which JSON lays out its records; words of a Position's layout.
const (
	layoutLines  = "lines"  // one value a line: a bad one costs its line
	layoutValues = "values" // values one after the other, over several lines
	layoutArray  = "array"  // elements of one array
	layoutItems  = "items"  // elements of an array that is a member of one object
)

// jsonRows reads JSON.
type jsonRows struct {
	win     *window
	schema  Schema
	scan    jsonScan
	layout  string
	count   int64 // line ends before win.pos
	afterCR bool  // the byte before win.pos is a CR, counted
	first   bool  // the array's first element has not been read
	over    bool  // the array has ended
	raw     []byte
}

func newJSON(win *window, s Schema) *jsonRows {
	return &jsonRows{win: win, schema: s, scan: jsonScan{want: s.Fields}}
}

func (j *jsonRows) lines() int64 { return j.count }

// resume takes up reading with a layout of begin; false if it is not one.
func (j *jsonRows) resume(layout string, at Position) bool {
	word, ok := strings.CutPrefix(layout, "json ")
	j.layout, j.count, j.first = word, at.Line, at.Record == 0
	return ok && (word == layoutLines || word == layoutValues || word == layoutArray || word == layoutItems)
}

// view is the unread text as far as one record may reach, and whether nothing follows
// it.
func (j *jsonRows) view() (b []byte, last bool) {
	b = j.win.unread()
	if len(b) > j.win.max.record+1 {
		return b[:j.win.max.record+1], false
	}
	return b, j.win.eof
}

// next reads one record.
func (j *jsonRows) next(rec *Record) error {
	more, err := j.element()
	if err != nil {
		return err
	}
	if !more {
		return io.EOF
	}
	for {
		b, last := j.view()
		end, k, o := j.scan.record(b, last, rec.Fields)
		if o == short && !last && len(b) <= j.win.max.record {
			if _, err := j.win.fill(); err != nil {
				return err
			}
			continue
		}
		rec.Line, rec.Offset, rec.Refused = j.count+1, j.win.offset(), nil
		if o == good && end <= j.win.max.record {
			j.take(rec, b[:end], k)
			return nil
		}
		return j.odd(rec, b, end, last, o)
	}
}

// take makes the value raw, which was scanned, the record.
func (j *jsonRows) take(rec *Record, raw []byte, k Kind) {
	rec.Raw = raw
	switch {
	case j.scan.high && !utf8.Valid(raw):
		rec.Refused = refusedEncoding
	case raw[0] == '{':
	case k == Text && j.schema.Bare:
		rec.Fields[0] = Field{Kind: Text, Bytes: j.scan.content(0, len(raw), Text)}
	default:
		rec.Refused = refusedShape
	}
	if rec.Refused == nil && j.scan.nul {
		rec.Refused = refusedNUL
	}
	j.count += lineEnds(raw)
	j.win.pos += len(raw)
}

// odd deals with a value in b that cannot be taken. With one value a line, the line
// is refused, and the next is a new start; elsewhere a value that is sound as a whole
// is passed over, and anything else breaks the source.
func (j *jsonRows) odd(rec *Record, b []byte, end int, last bool, o outcome) error {
	if j.layout == layoutLines {
		return j.refuseLine(rec, o)
	}
	switch {
	case o == bad:
		line := j.count + lineEnds(b[:end]) + 1
		return broken(line, rec.Offset+int64(end), "the JSON is broken here, in the record that begins at line %d", rec.Line)
	case o == short && last:
		return j.cutOff(rec.Line)
	case o == deep:
		return j.pass(rec, refusedDepth)
	}
	return j.pass(rec, refusedTooLong)
}

// cutOff is the error of a source that ends within a value that begins at line.
func (j *jsonRows) cutOff(line int64) error {
	return fault.New(fault.Broken, "the source ends in the middle of the JSON value that begins at line %d (after byte %d)", line, j.win.offset())
}

// blanks counts the line ends in b, which was or will be consumed.
func (j *jsonRows) blanks(b []byte) {
	for _, c := range b {
		if c == '\r' || c == '\n' && !j.afterCR {
			j.count++
		}
		j.afterCR = c == '\r'
	}
}

// space consumes white space, and commas if they may stand between values, and
// returns the next byte, or ended.
func (j *jsonRows) space(commas bool) (int, error) {
	for {
		b := j.win.unread()
		for i, c := range b {
			switch {
			case c == '\n' || c == '\r':
				j.blanks(b[i : i+1])
			case c == ' ' || c == '\t' || commas && c == ',':
				j.afterCR = false
			default:
				j.win.pos += i
				j.afterCR = false
				return int(c), nil
			}
		}
		j.win.pos = j.win.end
		if j.win.eof {
			return ended, nil
		}
		if _, err := j.win.fill(); err != nil {
			return ended, err
		}
	}
}

// ended stands for the byte after the source's last.
const ended = -1

// element moves to the next value that is a record; false if there is none.
func (j *jsonRows) element() (bool, error) {
	if j.layout == layoutLines || j.layout == layoutValues {
		c, err := j.space(true)
		return c != ended, err
	}
	if j.over {
		return false, nil
	}
	c, err := j.space(false)
	if err != nil {
		return false, err
	}
	if c == ']' {
		j.win.pos++
		return j.afterArray()
	}
	if !j.first {
		if c != ',' {
			return false, j.unexpected(c, "a comma or the end of the array")
		}
		j.win.pos++
		if c, err = j.space(false); err != nil {
			return false, err
		}
	}
	j.first = false
	if c == ended || c == ']' || c == ',' {
		return false, j.unexpected(c, "a record")
	}
	return true, nil
}

// unexpected is the error of a source that goes on with c where something else is
// due.
func (j *jsonRows) unexpected(c int, due string) error {
	if c == ended {
		return fault.New(fault.Broken, "the source ends in the middle of the JSON, at line %d (byte %d), where %s is due", j.count+1, j.win.offset(), due)
	}
	return broken(j.count+1, j.win.offset(), "the JSON is broken: %s is due here", due)
}

// afterArray deals with what follows an array of records. It reports true if that is
// another such array with a record in it.
func (j *jsonRows) afterArray() (bool, error) {
	if j.layout == layoutItems {
		found, err := j.members(true)
		if err != nil {
			return false, err
		}
		if found {
			j.first = true
			return j.element()
		}
	}
	j.over = true
	c, err := j.space(false)
	if err == nil && c != ended {
		err = broken(j.count+1, j.win.offset(), "more text follows the end of the JSON %s", map[bool]string{true: "object", false: "array"}[j.layout == layoutItems])
	}
	return false, err
}
