package record

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
)

// maxColumns bounds the header of a CSV source.
const maxColumns = 1 << 10

// begin reads the first row, which may be a header, and returns the position of the
// first record. Its layout is "csv" and the field of each column, as in "csv 0,-,1".
func (c *csvRows) begin() (Position, error) {
	first, err := c.peekRow()
	if err != nil {
		return Position{}, err
	}
	named, err := c.columns(first)
	if err != nil {
		return Position{}, err
	}
	if !named && first != nil && c.schema.Header == HeaderOptional && c.schema.Starts != nil && !c.schema.Starts(first.cell(0)) {
		return Position{}, broken(first.line, first.offset, "no header where one is due: %s; the first row must name the column %q, or be a record", first.found(), c.schema.Fields[0])
	}
	at := Position{Line: c.count, Offset: c.win.offset()}
	if !named {
		c.cols = c.cols[:0]
		for i := range c.schema.Fields {
			c.cols = append(c.cols, i)
		}
		if first != nil { // it is a record: back to it
			at = Position{Line: first.line - 1, Offset: first.offset}
			c.giveBack(first)
		}
	}
	c.settle()
	at.Layout = c.layout()
	return at, nil
}

// settle notes which fields the columns leave out.
func (c *csvRows) settle() {
	c.missing = nil
	for f := range c.schema.Fields {
		if !slices.Contains(c.cols, f) {
			c.missing = append(c.missing, f)
		}
	}
}

// giveBack makes the first row the next record.
func (c *csvRows) giveBack(first *row) {
	c.forget()
	if first.refused == refusedTooLong { // no longer in memory as a whole
		c.held = first
		return
	}
	c.win.pos, c.count = int(first.offset-c.win.base), first.line-1
}

// row is the first row of a source, while it may be a header.
type row struct {
	line    int64
	offset  int64
	raw     []byte
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
	c.cols = make([]int, maxColumns)
	for i := range c.cols {
		c.cols[i] = i
	}
	rec := Record{Fields: make([]Field, maxColumns)}
	switch err := c.next(&rec); {
	case err == io.EOF: //nolint:errorlint // next returns io.EOF itself
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &row{rec.Line, rec.Offset, rec.Raw, rec.Fields[:min(c.cells, maxColumns)], rec.Refused}, nil
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
	c.cols = c.cols[:0]
	seen := make(map[int]bool)
	for i := range first.cells {
		f := c.field(first.cell(i))
		if f >= 0 && seen[f] {
			return false, broken(first.line, first.offset, "the header names the column %q twice", s.Fields[f])
		}
		seen[f] = true
		c.cols = append(c.cols, f)
	}
	if !seen[0] && s.Header == HeaderRequired {
		return false, broken(first.line, first.offset, "no header where one is due: %s; the first row must name the column %q", first.found(), s.Fields[0])
	}
	return seen[0], nil
}

// spells reports whether the row has the names of the fields as its cells, in order;
// the last ones may be missing.
func (c *csvRows) spells(first *row) bool {
	if len(first.cells) > len(c.schema.Fields) {
		return false
	}
	for i := range first.cells {
		if c.field(first.cell(i)) != i {
			return false
		}
	}
	c.cols = c.cols[:len(c.schema.Fields)]
	return true
}

// field returns the index of the field with that name, -1 if there is none.
func (c *csvRows) field(name []byte) int {
	for i, f := range c.schema.Fields {
		if strings.EqualFold(string(name), f) {
			return i
		}
	}
	return -1
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

// layout writes down how the columns map to fields.
func (c *csvRows) layout() string {
	words := make([]string, len(c.cols))
	for i, f := range c.cols {
		words[i] = "-"
		if f >= 0 {
			words[i] = strconv.Itoa(f)
		}
	}
	return "csv " + strings.Join(words, ",")
}

// resume takes up reading with a layout of begin; false if it is not one.
func (c *csvRows) resume(layout string, at Position) bool {
	list, ok := strings.CutPrefix(layout, "csv ")
	if !ok {
		return false
	}
	c.count = at.Line
	for word := range strings.SplitSeq(list, ",") {
		f := -1
		if word != "-" {
			n, err := strconv.Atoi(word)
			if err != nil || n < 0 || n >= len(c.schema.Fields) {
				return false
			}
			f = n
		}
		c.cols = append(c.cols, f)
	}
	c.settle()
	return true
}
