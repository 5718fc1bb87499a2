package record

import "fmt"

// begin finds out how the records are laid out and moves to the first.
func (j *jsonRows) begin() error {
	c, err := j.space(true)
	if err != nil {
		return err
	}
	laid := ""
	switch {
	case c == '[':
		laid = layoutArray
		j.win.pos++
	case c == '{' && j.schema.Items != "":
		if laid, err = j.findItems(); err != nil {
			return err
		}
	}
	j.phase = first
	if laid == "" {
		if laid, err = j.lineByLine(); err != nil {
			j.phase = begin
			return err
		}
		j.phase = between
	}
	j.laid = laid
	return nil
}

// findItems moves into the array of records if the object at win.pos holds one, and
// leaves the window as it is if not.
func (j *jsonRows) findItems() (laid string, err error) {
	b, last := j.view()
	s := jsonScan{b: b, last: last, want: []string{j.schema.Items}}
	switch start, o := s.arrayOf(); {
	case start > 0:
		j.pass(start)
		return layoutItems, nil
	case o != short || last:
		return "", nil // no such object: a record, or nothing that can be read
	case len(b) > j.win.max.record:
		return "", brokenError(j.count+1, j.win.offset(), "the object does not name %q within its first 1 MiB", j.schema.Items)
	}
	return "", j.fill()
}

// lineByLine reports whether the values lie one a line, judged by the first: it ends,
// or stops to be JSON, on the line on which it begins.
func (j *jsonRows) lineByLine() (laid string, err error) {
	b, last := j.view()
	end, _, o := j.scan.record(b, last, make([]Field, len(j.schema.Fields)))
	if o == short && !last && len(b) <= j.win.max.record {
		return "", j.fill()
	}
	if lineEnds(b[:end]) > 0 {
		return layoutValues, nil
	}
	return layoutLines, nil
}

// inObject moves to the next member of the object that holds the records, or behind the
// object's end.
func (j *jsonRows) inObject() error {
	c, err := j.space(false)
	switch {
	case err != nil:
		return err
	case c == '}':
		j.phase = over
	case c == ',':
		j.phase = member
	default:
		return j.unexpected(c, "a comma or the end of the object")
	}
	j.win.pos++
	return nil
}

// member skips a member of the object that holds the records. If it is another
// array of records, it ends after the opening bracket.
func (j *jsonRows) member() error {
	if _, err := j.space(false); err != nil {
		return err
	}
	b, last := j.view()
	s := jsonScan{b: b, last: last, want: []string{j.schema.Items}}
	f, end, o := s.name(0, make([]Field, 1))
	next := inObject
	if o == good {
		end = s.space(end)
		if f == 0 && end < len(b) && b[end] == '[' {
			end++
			next = first
		} else {
			end, _, o = s.value(end, 1)
		}
	}
	switch {
	case o == short && !last && len(b) <= j.win.max.record:
		return j.fill()
	case o != good:
		return j.unexpected(0, fmt.Sprintf("a member of the object that holds %q", j.schema.Items))
	}
	j.pass(end)
	j.phase = next
	return nil
}
