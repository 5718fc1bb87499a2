package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
)

// maxColumns bounds the header of a CSV source.
const maxColumns = 1 << 10

// maxName bounds the names of other columns in a layout.
const maxName = 256

// begin reads the first row, which may be a header, and moves to the first record. Its
// layout is "csv" alone if the columns are in the order of the fields, and otherwise has
// their names, as in `csv ["emailAddress","","reason"]`, where a column that nobody wants
// is an empty one. Names mean the same however the fields have changed when reading is
// resumed.
func (c *csvRows) begin() error {
	first, err := c.peekRow()
	if err != nil {
		return err
	}
	named, err := c.columns(first)
	if err != nil {
		return err
	}
	if !named && first != nil && c.schema.Header == HeaderOptional && c.schema.Starts != nil && !c.schema.Starts(first.cell(0)) {
		return brokenError(first.line, first.offset, "no header where one is due: %s; the first row must name the column %q, or be a record", first.found(), c.schema.Fields[0])
	}
	if !named {
		c.inOrder()
		if first != nil { // it is a record: back to it
			c.forget()
			c.win.pos, c.count = int(first.offset-c.win.base), first.line-1
		}
	}
	c.resolveColumns()
	c.phase, c.peeked = between, nil
	c.written = c.write()
	return nil
}

// inOrder makes the columns those of the fields, in their order.
func (c *csvRows) inOrder() {
	c.cols, c.names = c.cols[:0], nil
	for i := range c.fields {
		c.cols = append(c.cols, i)
	}
}

// resolveColumns notes which fields the columns leave out, and gives each other column a field
// of its own after the schema's.
func (c *csvRows) resolveColumns() {
	c.width, c.missing = len(c.schema.Fields), nil
	for n, f := range c.cols {
		if f == len(c.fields) {
			c.others = true
			c.cols[n] = c.width
			c.width++
		}
	}
	for f := range c.schema.Fields {
		if !slices.Contains(c.cols, f) {
			c.missing = append(c.missing, f)
		}
	}
}

// row is the first row of a source, while it may be a header.
type row struct {
	line    int64
	offset  int64
	cells   []Field
	refused *Refusal
}

func (r *row) cell(i int) []byte {
	if i >= len(r.cells) || r.refused != nil {
		return nil
	}
	return trim(r.cells[i].Bytes)
}

// peekRow reads the first row as if every column were wanted; nil if there is none.
// Its text stays in the window, so that reading can go back to its start.
func (c *csvRows) peekRow() (*row, error) {
	if c.peeked == nil {
		c.peeked = &Record{Fields: make([]Field, maxColumns)}
		c.width, c.cols = maxColumns, make([]int, maxColumns)
		for i := range c.cols {
			c.cols[i] = i
		}
	}
	rec := c.peeked
	c.phase = between
	err := c.next(rec)
	c.phase = begin
	switch {
	case err == io.EOF: // next returns io.EOF itself
		return nil, nil
	case err != nil:
		return nil, err
	}
	if rec.Refused == refusedCells {
		rec.Refused = refusedColumns
	}
	return &row{rec.Line, rec.Offset, rec.Fields[:min(c.cells, maxColumns)], rec.Refused}, nil
}

// columns takes the first row as a header, if it is one, and reports so.
func (c *csvRows) columns(first *row) (bool, error) {
	s := &c.schema
	if s.Header == HeaderRequired && (first == nil || first.refused != nil) {
		why := "the source is empty"
		if first != nil {
			why = first.refused.Reason
		}
		return false, fault.New(fault.Broken, "no header where one is due: %s; the first row must name the column %q", why, s.Fields[0])
	}
	if first == nil || first.refused != nil {
		return false, nil
	}
	if s.Header == HeaderNone {
		return c.spells(first), nil
	}
	c.cols, c.names = c.cols[:0], make([]string, 0, len(first.cells))
	seen := make(map[int]bool)
	for i := range first.cells {
		f, name := c.column(first.cell(i))
		if f >= 0 && f < len(c.fields) && seen[f] {
			return false, brokenError(first.line, first.offset, "the header names the column %q twice", name)
		}
		seen[f] = true
		c.cols, c.names = append(c.cols, f), append(c.names, name)
	}
	if s.Header == HeaderRequired {
		for f := range max(1, s.Required) {
			if !seen[f] {
				return false, brokenError(first.line, first.offset, "no header where one is due: %s; the first row must name the column %q", first.found(), s.Fields[f])
			}
		}
	}
	return seen[0], nil
}

// spells reports whether the row has the names of the fields as its cells, in order;
// the last ones may be missing. The columns are the fields' then, as without it.
func (c *csvRows) spells(first *row) bool {
	if len(first.cells) > len(c.fields) {
		return false
	}
	for i := range first.cells {
		if f, _ := c.column(first.cell(i)); f != i {
			return false
		}
	}
	c.inOrder()
	return true
}

// column returns what the column with that cell in the header is for, and its name in
// a layout: that of its field, and that of another column as it is written.
func (c *csvRows) column(cell []byte) (field int, name string) {
	name = string(cell)
	if c.schema.Column != nil {
		name = c.schema.Column(name)
	}
	f := slices.Index(c.fields, name) // first: names may differ by case alone
	if f < 0 {
		f = slices.IndexFunc(c.fields, func(s string) bool { return strings.EqualFold(s, name) })
	}
	switch {
	case f >= 0:
		return f, c.fields[f]
	case !c.isOther(name):
		return -1, ""
	case len(name) > maxName:
		return len(c.fields), c.prefix
	}
	return len(c.fields), name
}

// isOther reports whether a column that is for no field belongs to the other ones.
func (c *csvRows) isOther(name string) bool {
	return len(c.fields) < len(c.schema.Fields) &&
		len(name) >= len(c.prefix) && strings.EqualFold(name[:len(c.prefix)], c.prefix)
}

// found says what the row holds, without any text that may be a member's.
func (r *row) found() string {
	if r.refused != nil {
		return r.refused.Reason
	}
	names := make([]string, 0, 8)
	for i := range r.cells[:min(len(r.cells), cap(names))] {
		name := string(r.cell(i))
		if !looksLikeName(name) {
			return fmt.Sprintf("the first row has %d cells, none of which is that name", len(r.cells))
		}
		names = append(names, strconv.Quote(name))
	}
	found := "the first row names " + strings.Join(names, ", ")
	if len(names) < len(r.cells) {
		found += " and more"
	}
	if len(r.cells) == 1 && bytes.ContainsAny(r.cell(0), ";\t|") {
		found += " as one cell, as cells are separated by commas alone"
	}
	return found
}

// looksLikeName reports whether a cell looks like a column's name rather than like a
// value.
func looksLikeName(s string) bool {
	return len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return r != ' ' && r != '_' && r != '-' && r != ';' && r != '\t' && r != '|' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// write returns the layout, which has what the columns are.
func (c *csvRows) write() string {
	if c.names == nil {
		return "csv"
	}
	names, err := json.Marshal(c.names)
	if err != nil {
		panic(err) // strings only: cannot be
	}
	return "csv " + string(names)
}

// resume implements rows. A name is now that of a field in the very spelling, of another
// column, or of none.
func (c *csvRows) resume(s state, layout string, at Position) bool {
	c.count, c.phase, c.written = at.Line, s.phase, layout
	switch s.phase {
	case begin:
		return layout == "csv"
	case between, inLine:
	default:
		return false
	}
	list, named := strings.CutPrefix(layout, "csv ")
	switch {
	case layout == "csv":
		c.inOrder()
	case named && strings.HasPrefix(list, "["):
		if json.Unmarshal([]byte(list), &c.names) != nil || len(c.names) > maxColumns {
			return false
		}
		for _, name := range c.names {
			f := slices.Index(c.fields, name)
			if f < 0 && name != "" && c.isOther(name) {
				f = len(c.fields)
			}
			c.cols = append(c.cols, f)
		}
	default:
		if !named || !c.numbered(list) {
			return false
		}
	}
	c.resolveColumns()
	return true
}

// numbered reads the layout of former releases, which has the field of each column by
// its number, as in "0,-,1".
func (c *csvRows) numbered(list string) bool {
	for token := range strings.SplitSeq(list, ",") {
		f := -1
		if token != "-" {
			n, err := strconv.Atoi(token)
			if err != nil || n < 0 || n >= len(c.fields) {
				return false
			}
			f = n
		}
		c.cols = append(c.cols, f)
	}
	return true
}
