package record

import "fmt"

// begin finds out how the records are laid out and moves to the first.
func (j *jsonRows) begin() (Position, error) {
	c, err := j.space(true)
	if err != nil {
		return Position{}, err
	}
	j.first = true
	switch {
	case c == '[':
		j.layout = layoutArray
		j.win.pos++
	case c == '{' && j.schema.Items != "":
		if err := j.findItems(); err != nil {
			return Position{}, err
		}
	}
	if j.layout == "" {
		if j.layout, err = j.lineByLine(); err != nil {
			return Position{}, err
		}
	}
	return Position{Line: j.count, Offset: j.win.offset(), Layout: "json " + j.layout}, nil
}

// findItems moves into the array of records if the object at win.pos holds one, and
// leaves the window as it is if not.
func (j *jsonRows) findItems() error {
	for {
		b, last := j.view()
		s := jsonScan{b: b, last: last, want: []string{j.schema.Items}}
		switch start, o := s.arrayOf(); {
		case start > 0:
			j.layout = layoutItems
			j.blanks(b[:start])
			j.win.pos += start
			return nil
		case o != short || last:
			return nil // no such object: a record, or nothing that can be read
		case len(b) > j.win.max.record:
			return broken(j.count+1, j.win.offset(), "the object does not name %q within its first 1 MiB", j.schema.Items)
		}
		if _, err := j.win.fill(); err != nil {
			return err
		}
	}
}

// lineByLine tells whether the values lie one a line, judged by the first: it ends,
// or stops to be JSON, on the line on which it begins.
func (j *jsonRows) lineByLine() (string, error) {
	for {
		b, last := j.view()
		end, _, o := j.scan.record(b, last, make([]Field, len(j.schema.Fields)))
		if o == short && !last && len(b) <= j.win.max.record {
			if _, err := j.win.fill(); err != nil {
				return "", err
			}
			continue
		}
		if lineEnds(b[:end]) > 0 {
			return layoutValues, nil
		}
		return layoutLines, nil
	}
}

// members passes over members of the object that holds the records, up to and with
// the opening bracket of the array that does, or the object's end. It begins after
// the object's brace, or, if after is set, after a member's value.
func (j *jsonRows) members(after bool) (found bool, err error) {
	for ; ; after = true {
		c, err := j.space(false)
		if err != nil {
			return false, err
		}
		if c == '}' {
			j.win.pos++
			return false, nil
		}
		if after {
			if c != ',' {
				return false, j.unexpected(c, "a comma or the end of the object")
			}
			j.win.pos++
			if _, err := j.space(false); err != nil {
				return false, err
			}
		}
		end, found, o, err := j.member()
		if err != nil {
			return false, err
		}
		if o != good {
			return false, j.unexpected(0, fmt.Sprintf("a member of the object that holds %q", j.schema.Items))
		}
		j.blanks(j.win.unread()[:end])
		j.win.pos += end
		if found {
			return true, nil
		}
	}
}

// member scans the member at win.pos. If it is the array of records, it ends after
// the opening bracket.
func (j *jsonRows) member() (end int, found bool, o outcome, err error) {
	for {
		b, last := j.view()
		s := jsonScan{b: b, last: last, want: []string{j.schema.Items}}
		f, end, o := s.name(0, make([]Field, 1))
		if o == good {
			end = s.space(end)
			if f == 0 && end < len(b) && b[end] == '[' {
				return end + 1, true, good, nil
			}
			end, _, o = s.value(end, 1)
		}
		if o != short || last || len(b) > j.win.max.record {
			return end, false, o, nil
		}
		if _, err := j.win.fill(); err != nil {
			return 0, false, 0, err
		}
	}
}
