package record

import (
	"errors"
	"strconv"
	"strings"
)

// errPaused is returned by rows when text was read from the source and more is needed.
// They stand at a position then.
var errPaused = errors.New("more text is needed")

// phase is what a source goes on with at a position.
type phase uint8

const (
	between  phase = iota // another record or the end
	begin                 // the first record, or what stands before it
	inLine                // the rest of a line that is skipped
	inValue               // the rest of a JSON value that is skipped, outside of its strings
	inString              // the same, within a string
	inEscape              // the same, after a backslash
	inNumber              // the rest of a number that is skipped
	first                 // the first element of an array or its end
	due                   // an element, after a comma
	inObject              // a comma or the end of the object that holds the array of records
	member                // a member of that object
	over                  // white space
)

// phases are the words for phases in a layout.
var phases = [...]string{
	begin: "begin", inLine: "in-line", inValue: "in-value", inString: "in-string", inEscape: "in-escape", inNumber: "in-number",
	first: "first", due: "due", inObject: "in-object", member: "member", over: "over",
}

// state is a phase with what must be known to go on in the middle of a value.
type state struct {
	phase phase
	depth int   // how many arrays and objects are open
	line  int64 // on which the value begins
}

func (s state) skipping() bool { return s.phase >= inValue && s.phase <= inEscape }

// encode returns the state as a word of a layout, such as begin or in-value:2:17; empty
// between two records.
func (s state) encode() string {
	if s.skipping() {
		return phases[s.phase] + ":" + strconv.Itoa(s.depth) + ":" + strconv.FormatInt(s.line, 10)
	}
	return phases[s.phase]
}

// parseState reads what word returns for any phase but between.
func parseState(token string) (s state, ok bool) {
	name, numbers, _ := strings.Cut(token, ":")
	for p := begin; int(p) < len(phases); p++ {
		if name == phases[p] {
			s.phase, ok = p, true
		}
	}
	if s.skipping() {
		depth, line, _ := strings.Cut(numbers, ":")
		var depthErr, lineErr error
		s.depth, depthErr = strconv.Atoi(depth)
		s.line, lineErr = strconv.ParseInt(line, 10, 64)
		ok = depthErr == nil && lineErr == nil && s.depth >= 0
	}
	return s, ok && s.encode() == token
}

// cutState splits a layout without its packing into the state and the rest.
func cutState(layout string) (s state, rest string, ok bool) {
	token, rest, cut := strings.Cut(layout, " ")
	if token == "csv" || token == "json" {
		return state{}, layout, true
	}
	s, ok = parseState(token)
	return s, rest, ok && cut
}
