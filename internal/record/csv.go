package record

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"unicode/utf8"
)

// csvRows reads CSV. Most rows have no quotes, no byte outside ASCII and end in LF:
// those are found and cut with a few calls of bytes.IndexByte. For that it keeps, for
// each byte that matters, the place where it comes next, so that a file without
// quotes is searched for them only once.
type csvRows struct {
	win     *window
	schema  Schema
	fields  []string // of the schema, without that of other columns
	prefix  string   // of other columns' names
	others  bool     // there are such columns
	cols    []int    // column to field, -1 for one that was not asked for
	width   int      // how many fields a row is cut into: the schema's, and one for each other column
	names   []string // of the columns, as in a layout; nil if they are in the fields' order
	written string   // the layout
	count   int64    // line ends before win.pos
	cells   int      // cells of the row last cut
	text    []byte
	raw     []byte
	phase   phase   // between, begin or inLine
	peeked  *Record // the first row, while it may be a header

	missing []int // fields that no column is for

	// The place of the next such byte at or after win.pos, win.end if none is in
	// memory. One that is before win.pos is out of date.
	lf, cr, quote, nul, high int
	rare                     int // the least of quote, nul and high, when they were last looked up
}

func newCSV(win *window, s Schema) *csvRows {
	c := &csvRows{win: win, schema: s, fields: s.Fields, phase: begin, written: "csv"}
	if last := len(s.Fields) - 1; s.Header != HeaderNone && last > 0 {
		if prefix, ok := strings.CutSuffix(s.Fields[last], "*"); ok {
			c.fields, c.prefix = s.Fields[:last], prefix
		}
	}
	c.forget()
	return c
}

func (c *csvRows) lines() int64   { return c.count }
func (c *csvRows) state() state   { return state{phase: c.phase} }
func (c *csvRows) layout() string { return c.written }

// forget marks all places as out of date.
func (c *csvRows) forget() { c.lf, c.cr, c.quote, c.nul, c.high, c.rare = -1, -1, -1, -1, -1, -1 }

// next reads one row. The fast way, for a line that ends in LF or CR LF and holds
// nothing rare, is here; all else is in odd.
func (c *csvRows) next(rec *Record) error {
	for {
		w := c.win
		start := w.pos
		if c.lf < start {
			c.lf = find(w, start, '\n')
		}
		if c.cr < start {
			c.cr = find(w, start, '\r')
		}
		end, after := c.lf, c.lf+1
		if c.cr == end-1 {
			end--
		}
		if c.rare < start || c.cr < end || after > c.rare || end-start > w.max.record {
			done, err := c.odd(rec)
			if done || err != nil {
				return err
			}
			continue
		}
		w.pos = after
		c.count++
		if line := w.buf[start:end]; len(line) > 0 && line[0] > ' ' || !isBlank(line) {
			rec.Line, rec.Offset, rec.Raw = c.count, w.base+int64(start), line
			rec.Refused = c.cut(rec.Fields[:c.width], line)
			return nil
		}
		c.passEmpty()
	}
}

// passEmpty skips empty lines. There may be gigabytes of them, packed into a small
// file.
func (c *csvRows) passEmpty() {
	const empty = 0x0a0a0a0a0a0a0a0a
	w := c.win
	from := w.pos
	for w.pos+8 <= w.end && binary.LittleEndian.Uint64(w.buf[w.pos:]) == empty {
		w.pos += 8
	}
	c.count += int64(w.pos - from)
}

// find returns where b is in the window from pos on, w.end if it is not there.
func find(w *window, pos int, b byte) int {
	if i := bytes.IndexByte(w.buf[pos:w.end], b); i >= 0 {
		return pos + i
	}
	return w.end
}

// look brings the places up to date.
func (c *csvRows) look() {
	w := c.win
	if c.lf < w.pos {
		c.lf = find(w, w.pos, '\n')
	}
	if c.cr < w.pos {
		c.cr = find(w, w.pos, '\r')
	}
	if c.quote < w.pos {
		c.quote = find(w, w.pos, '"')
	}
	if c.nul < w.pos {
		c.nul = find(w, w.pos, 0)
	}
	if c.high < w.pos {
		c.high = w.pos + indexHigh(w.buf[w.pos:w.end])
	}
	c.rare = min(c.quote, c.nul, c.high)
}

// odd does one step that the fast way cannot: it reads a row that is out of the
// ordinary, skips blank lines or reads on. It reports whether rec is a row.
func (c *csvRows) odd(rec *Record) (bool, error) {
	switch c.phase {
	case begin:
		return false, c.begin()
	case inLine:
		return false, c.passLine()
	}
	w := c.win
	c.look()
	start, end := w.pos, min(c.lf, c.cr)
	switch {
	case c.quote < end:
		return c.quoted(rec)
	case end == w.end && !w.eof:
		if end-start > w.max.record {
			c.tooLong(rec, w.max.record+1)
			return true, nil
		}
		return false, c.fill()
	case end == w.end && start == end:
		return false, io.EOF
	}
	after, err := c.after(end)
	if err != nil {
		return false, err
	}
	if end-start > w.max.record { // blank or not: the end of a longer one is not waited for
		c.tooLong(rec, w.max.record+1)
		return true, nil
	}
	if isBlank(w.buf[start:end]) {
		c.consume(after, end)
		return false, nil
	}
	c.locate(rec, start, end)
	if rec.Refused = c.unreadable(end); rec.Refused == nil {
		rec.Refused = c.cut(rec.Fields[:c.width], rec.Raw)
	}
	c.consume(after, end)
	return true, nil
}

// fill reads on, after which all places have changed. It always returns an error.
func (c *csvRows) fill() error {
	c.forget()
	if _, err := c.win.fill(); err != nil {
		return err
	}
	return errPaused
}

// after returns the place after the line end at end, which may be the source's end, or
// an error when it had to read on.
func (c *csvRows) after(end int) (int, error) {
	w := c.win
	switch {
	case end == w.end:
		return end, nil
	case w.buf[end] == '\n':
		return end + 1, nil
	case end+1 == w.end && !w.eof:
		return 0, c.fill()
	case end+1 < w.end && w.buf[end+1] == '\n':
		return end + 2, nil
	}
	return end + 1, nil
}

// consume moves the window past the line end at end.
func (c *csvRows) consume(after, end int) {
	c.win.pos = after
	if after > end {
		c.count++
	}
}

// locate says in rec where the row from start to end is.
func (c *csvRows) locate(rec *Record, start, end int) {
	rec.Line, rec.Offset, rec.Raw = c.count+1, c.win.base+int64(start), c.win.buf[start:end]
}

// unreadable tells why the text from win.pos to end cannot be a row, if so.
func (c *csvRows) unreadable(end int) *Refusal {
	if c.high < end && !utf8.Valid(c.win.buf[c.win.pos:end]) {
		return refusedEncoding
	}
	if c.nul < end {
		return refusedNUL
	}
	return nil
}

// tooLong refuses the row at win.pos, of which the first n bytes are known to hold no line
// end outside quotes. What follows them is skipped as far as the next line end. The
// position depends on the text alone, and not on how much of it is in memory.
func (c *csvRows) tooLong(rec *Record, n int) {
	w := c.win
	end := w.pos + n
	c.locate(rec, w.pos, w.pos+min(w.max.raw, n))
	c.raw = append(c.raw[:0], wholeRunes(rec.Raw)...)
	rec.Raw, rec.Refused = c.raw, refusedTooLong
	c.count += lineEnds(w.buf[w.pos:end])
	w.pos, c.phase, c.rare = end, inLine, -1
}

// passLine skips the rest of a line.
func (c *csvRows) passLine() error {
	c.look()
	end := min(c.lf, c.cr)
	c.win.pos = end
	if end == c.win.end && !c.win.eof {
		return c.fill()
	}
	after, err := c.after(end)
	if err != nil {
		return err
	}
	c.consume(after, end)
	c.phase = between
	return nil
}

// wholeRunes cuts off a character that is not complete at the end of b.
func wholeRunes(b []byte) []byte {
	for i := len(b) - 1; i >= max(0, len(b)-utf8.UTFMax); i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return b[:i]
			}
			break
		}
	}
	return b
}

// cut cuts a line without quotes into cells.
func (c *csvRows) cut(fields []Field, line []byte) *Refusal {
	cells := 0
	for {
		i := bytes.IndexByte(line, ',')
		text := line
		if i >= 0 {
			text = line[:i]
		}
		if len(text) > 0 && (isBlankByte(text[0]) || isBlankByte(text[len(text)-1])) {
			text = trim(text)
		}
		if !c.cell(fields, cells, text) {
			return refusedCells
		}
		cells++
		if i < 0 {
			break
		}
		line = line[i+1:]
	}
	c.absent(fields, cells)
	if c.others {
		gather(fields, len(c.fields))
	}
	return nil
}

// cell takes the cell of column n. A surplus one is let pass only if it is empty:
// spreadsheets write such.
func (c *csvRows) cell(fields []Field, n int, text []byte) bool {
	if n >= len(c.cols) {
		return len(text) == 0
	}
	if f := c.cols[n]; f >= 0 {
		fields[f] = Field{Kind: Text, Bytes: text}
	}
	return true
}

// absent ends a row of so many cells: the fields of the columns after them are absent,
// as are those that no column is for.
func (c *csvRows) absent(fields []Field, cells int) {
	c.cells = cells
	for _, f := range c.missing {
		fields[f] = Field{}
	}
	for n := cells; n < len(c.cols); n++ {
		if f := c.cols[n]; f >= 0 {
			fields[f] = Field{}
		}
	}
}

// gather gives the schema's last field the last cell of the other columns that holds
// more than blanks. Each of them has a field of its own after that one.
func gather(fields []Field, field int) {
	fields[field] = Field{}
	for _, f := range fields[field+1:] {
		if !isBlank(f.Bytes) {
			fields[field] = f
		}
	}
}

// trim cuts spaces and tabs from both ends of b.
func trim(b []byte) []byte {
	for len(b) > 0 && isBlankByte(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isBlankByte(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isBlankByte(c byte) bool { return c == ' ' || c == '\t' }

func isBlank(line []byte) bool { return len(trim(line)) == 0 }

// indexHigh returns the index of the first byte outside ASCII, len(b) if there is
// none.
func indexHigh(b []byte) int {
	const highs = 0x8080808080808080
	i := 0
	for ; i+32 <= len(b); i += 32 {
		p := b[i : i+32 : i+32]
		if (binary.LittleEndian.Uint64(p)|binary.LittleEndian.Uint64(p[8:])|
			binary.LittleEndian.Uint64(p[16:])|binary.LittleEndian.Uint64(p[24:]))&highs != 0 {
			break
		}
	}
	for ; i < len(b); i++ {
		if b[i] >= utf8.RuneSelf {
			return i
		}
	}
	return len(b)
}
