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
	win    *window
	schema Schema
	scan   jsonScan
	laid   string // one of the words above; empty at the beginning
	count  int64  // line ends before win.pos
	phase  phase
	skip   skipper // of a value that is skipped
	line   int64   // on which that begins
	raw    []byte
}

func newJSON(win *window, s Schema) *jsonRows {
	return &jsonRows{win: win, schema: s, scan: jsonScan{want: s.Fields}, phase: begin}
}

func (j *jsonRows) lines() int64 { return j.count }

func (j *jsonRows) layout() string {
	if j.laid == "" {
		return "json"
	}
	return "json " + j.laid
}

func (j *jsonRows) state() state {
	s := state{phase: j.phase}
	if s.phase == inValue {
		s.depth, s.line = j.skip.depth, j.line
		switch {
		case j.skip.escaped:
			s.phase = inEscape
		case j.skip.text:
			s.phase = inString
		}
	}
	return s
}

// resume implements rows.
func (j *jsonRows) resume(s state, layout string, at Position) bool {
	j.count, j.phase = at.Line, s.phase
	if s.phase == begin {
		return layout == "json"
	}
	token, ok := strings.CutPrefix(layout, "json ")
	j.laid = token
	inArray := token == layoutArray || token == layoutItems
	if !ok || !inArray && token != layoutLines && token != layoutValues {
		return false
	}
	switch s.phase {
	case between:
		if inArray && at.Record == 0 {
			j.phase = first
		}
		return true
	case inLine:
		return token == layoutLines
	case inValue, inString, inEscape:
		j.phase, j.line = inValue, s.line
		j.skip = skipper{depth: s.depth, text: s.phase != inValue, escaped: s.phase == inEscape}
		return token != layoutLines
	case inNumber:
		return token != layoutLines
	case inObject, member:
		return token == layoutItems
	}
	return inArray
}

// fill reads on. It always returns an error.
func (j *jsonRows) fill() error {
	if _, err := j.win.fill(); err != nil {
		return err
	}
	return errPaused
}

// view is the unread text as far as one record may reach, and whether nothing follows
// it.
func (j *jsonRows) view() (b []byte, last bool) {
	b = j.win.unread()
	if len(b) > j.win.max.record { // too long, whether the source is known to end there or not
		return b[:j.win.max.record+1], false
	}
	return b, j.win.eof
}

// next reads one record.
func (j *jsonRows) next(rec *Record) error {
	if err := j.toRecord(); err != nil {
		return err
	}
	b, last := j.view()
	end, k, o := j.scan.record(b, last, rec.Fields)
	if o == short && !last && len(b) <= j.win.max.record {
		return j.fill()
	}
	rec.Line, rec.Offset, rec.Refused = j.count+1, j.win.offset(), nil
	if o == good && end <= j.win.max.record {
		j.take(rec, b[:end], k)
		return nil
	}
	return j.odd(rec, b, end, last, o)
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
	j.pass(len(raw))
	j.phase = between
}

// pass moves over n bytes, which neither begin nor end within a line end.
func (j *jsonRows) pass(n int) {
	j.count += lineEnds(j.win.buf[j.win.pos : j.win.pos+n])
	j.win.pos += n
}

// unreadText returns the unread text without a CR at its end that an LF may follow.
func (j *jsonRows) unreadText() []byte {
	b := j.win.unread()
	if n := len(b) - 1; n >= 0 && b[n] == '\r' && !j.win.eof {
		return b[:n]
	}
	return b
}

// odd deals with a value in b that cannot be taken. With one value a line, the line
// is refused, and the next is a new start; elsewhere a value that is sound as a whole
// is skipped, and anything else breaks the source.
func (j *jsonRows) odd(rec *Record, b []byte, end int, last bool, o outcome) error {
	if j.laid == layoutLines {
		return j.refuseLine(rec, o)
	}
	switch {
	case o == bad:
		line := j.count + lineEnds(b[:end]) + 1
		return brokenError(line, rec.Offset+int64(end), "the JSON is broken here, in the record that begins at line %d", rec.Line)
	case o == short && last:
		return j.cutOff(rec.Line)
	case o == deep:
		return j.refuseValue(rec, refusedDepth)
	}
	return j.refuseValue(rec, refusedTooLong)
}

// cutOff is the error of a source that ends within a value that begins at line.
func (j *jsonRows) cutOff(line int64) error {
	return fault.New(fault.Broken, "the source ends in the middle of the JSON value that begins at line %d (after byte %d)", line, j.win.offset())
}

// ended stands for the byte after the source's last.
const ended = -1

// space consumes white space, and commas if they may stand between values, and
// returns the next byte, or ended.
func (j *jsonRows) space(commas bool) (int, error) {
	if w := j.win; w.pos < w.end && w.buf[w.pos] > ',' { // most often there is none
		return int(w.buf[w.pos]), nil
	}
	b := j.unreadText()
	for i, c := range b {
		switch {
		case c == '\n':
			if i == 0 || b[i-1] != '\r' {
				j.count++
			}
		case c == '\r':
			j.count++
		case c == ' ' || c == '\t' || commas && c == ',':
		default:
			j.win.pos += i
			return int(c), nil
		}
	}
	j.win.pos += len(b)
	if j.win.eof {
		return ended, nil
	}
	return ended, j.fill()
}

// toRecord moves to the next value that is a record. It returns io.EOF if there is none.
func (j *jsonRows) toRecord() error {
	for {
		var err error
		switch j.phase {
		case begin:
			err = j.begin()
		case inLine:
			err = j.passLine()
		case inValue:
			err = j.passValue()
		case inNumber:
			err = j.passNumber()
		case inObject:
			err = j.inObject()
		case member:
			err = j.member()
		case over:
			err = j.over()
		default:
			found, err := j.element()
			if found || err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// element moves to the next value; false if it came to the end of the array.
func (j *jsonRows) element() (bool, error) {
	if j.laid == layoutLines || j.laid == layoutValues {
		c, err := j.space(true)
		if err == nil && c == ended {
			err = io.EOF
		}
		return true, err
	}
	if w := j.win; j.phase == between && w.pos < w.end && w.buf[w.pos] == ',' { // most often there is one
		w.pos++
		j.phase = due
	}
	for {
		c, err := j.space(false)
		switch {
		case err != nil:
			return false, err
		case c == ']' && j.phase != due:
			j.win.pos++
			if j.phase = over; j.laid == layoutItems {
				j.phase = inObject
			}
			return false, nil
		case j.phase != between:
			if c == ended || c == ']' || c == ',' {
				err = j.unexpected(c, "a record")
			}
			return true, err
		case c != ',':
			return false, j.unexpected(c, "a comma or the end of the array")
		}
		j.win.pos++
		j.phase = due
	}
}

// over checks that nothing follows the end of the array or object.
func (j *jsonRows) over() error {
	c, err := j.space(false)
	switch {
	case err != nil:
		return err
	case c == ended:
		return io.EOF
	}
	return brokenError(j.count+1, j.win.offset(), "more text follows the end of the JSON %s", map[bool]string{true: "object", false: "array"}[j.laid == layoutItems])
}

// unexpected is the error of a source that goes on with c where something else is
// due.
func (j *jsonRows) unexpected(c int, expected string) error {
	if c == ended {
		return fault.New(fault.Broken, "the source ends in the middle of the JSON, at line %d (byte %d), where %s is due", j.count+1, j.win.offset(), expected)
	}
	return brokenError(j.count+1, j.win.offset(), "the JSON is broken: %s is due here", expected)
}
