package record

import "bytes"

// verdict is how an attempt to cut a row with quotes ended.
type verdict uint8

const (
	whole      verdict = iota // it is a row
	unfinished                // the text ends outside of quotes before the row does
	unclosed                  // the text ends within quotes
	stray                     // quotes span lines, and text follows the closing one
)

// quoted reads a row that has a quote in its first line. The row is cut again from
// its start when the text in memory turns out to be too short; no more than a record
// may have is ever looked at.
func (c *csvRows) quoted(rec *Record) (bool, error) {
	w := c.win
	most := w.max.record + 2 // a record and its line end
	view := w.unread()
	last := w.eof && len(view) < most
	view = view[:min(len(view), most)]

	c.text = c.text[:0]
	end, refused, v := c.cutQuoted(rec.Fields[:c.width], view, last)
	if !last && len(view) < most && (v == unfinished || v == unclosed) {
		return false, c.fill()
	}
	switch {
	case v == unfinished:
		c.tooLong(rec, w.max.record+1)
		return true, nil
	case v == whole && end > w.max.record:
		c.tooLong(rec, end)
		return true, nil
	case v == unclosed, v == stray:
		return c.firstLine(rec)
	}
	end += w.pos
	after, err := c.after(end)
	if err != nil {
		return false, err
	}
	c.locate(rec, w.pos, end)
	if rec.Refused = c.unreadable(end); rec.Refused == nil {
		rec.Refused = refused
	}
	if c.lf < end || c.cr < end { // quotes over lines
		c.count += lineEnds(rec.Raw)
	}
	c.consume(after, end)
	return true, nil
}

// firstLine refuses the line at win.pos, in which a quote opens that is not closed,
// and goes on with the next: so a stray quote costs one line and no more.
func (c *csvRows) firstLine(rec *Record) (bool, error) {
	w := c.win
	end := min(c.lf, c.cr)
	if end == w.end && !w.eof || end-w.pos > w.max.record {
		c.tooLong(rec, w.max.record+1)
		return true, nil
	}
	after, err := c.after(end)
	if err != nil {
		return false, err
	}
	c.locate(rec, w.pos, end)
	rec.Refused = refusedQuote
	c.consume(after, end)
	return true, nil
}

// cutQuoted cuts the row that b begins with into cells and returns where it ends.
// Nothing follows b if last is set. Cells that hold doubled quotes are put together
// in c.text.
func (c *csvRows) cutQuoted(fields []Field, b []byte, last bool) (end int, refused *Refusal, v verdict) {
	cells := 0
	for i := 0; ; i++ {
		cell, end, v := c.quotedCell(b, i, last)
		if v != whole {
			return len(b), nil, v
		}
		if !c.cell(fields, cells, cell) {
			refused = refusedCells
		}
		cells++
		if i = end; i == len(b) || b[i] != ',' {
			c.absent(fields, cells)
			if c.others {
				gather(fields, len(c.fields))
			}
			return i, refused, whole
		}
	}
}

// quotedCell cuts the cell at b[i:], quoted or not, and returns where it ends: at a
// comma, a line end or the end of b.
func (c *csvRows) quotedCell(b []byte, i int, last bool) (cell []byte, end int, v verdict) {
	open := skipBlanks(b, i)
	if open == len(b) || b[open] != '"' {
		if end = cellEnd(b, open); end == len(b) && !last {
			return nil, end, unfinished
		}
		return trim(b[i:end]), end, whole
	}
	shut, doubled := closing(b, open+1)
	if shut < 0 || shut+1 == len(b) && !last {
		return nil, len(b), unclosed
	}
	end = skipBlanks(b, shut+1)
	if end == len(b) && !last {
		return nil, end, unfinished
	}
	if end == len(b) || b[end] == ',' || b[end] == '\n' || b[end] == '\r' {
		cell = b[open+1 : shut]
		if doubled {
			cell = c.undouble(cell)
		}
		return cell, end, whole
	}
	// Text follows the closing quote, as in "John Doe"@example.com: the quotes are
	// part of the text, unless they span lines; then one of them is a stray.
	if bytes.IndexByte(b[open:shut], '\n') >= 0 || bytes.IndexByte(b[open:shut], '\r') >= 0 {
		return nil, end, stray
	}
	if end = cellEnd(b, end); end == len(b) && !last {
		return nil, end, unfinished
	}
	return trim(b[i:end]), end, whole
}

// closing returns the index of the quote that closes what begins at i, -1 if there
// is none, and whether doubled quotes lie in between.
func closing(b []byte, i int) (shut int, doubled bool) {
	for {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1, doubled
		}
		i += n
		if i+1 == len(b) || b[i+1] != '"' {
			return i, doubled
		}
		doubled = true
		i += 2
	}
}

// undouble returns the cell with each doubled quote as one.
func (c *csvRows) undouble(cell []byte) []byte {
	from := len(c.text)
	for {
		i := bytes.IndexByte(cell, '"')
		if i < 0 {
			c.text = append(c.text, cell...)
			return c.text[from:len(c.text):len(c.text)]
		}
		c.text = append(c.text, cell[:i+1]...)
		cell = cell[i+2:]
	}
}

// skipBlanks returns the index of the first byte from i on that is not blank.
func skipBlanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	return i
}

// cellEnd returns the index of the comma or line end that ends the cell, len(b) if
// none does.
func cellEnd(b []byte, i int) int {
	for i < len(b) && b[i] != ',' && b[i] != '\n' && b[i] != '\r' {
		i++
	}
	return i
}
