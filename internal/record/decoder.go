package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
)

// Decoder reads the records of one source. It is not safe for concurrent use.
type Decoder struct {
	text *text
	win  *window
	rows rows
	rec  Record
	err  error // why reading has ended; io.EOF at the end of the source

	packing string
	at      Position // where Position says, but for its layout
	state   state    // at that position
}

// rows finds records in a window.
type rows interface {
	// next reads the next record into rec and leaves the window behind what was read of
	// it. It returns io.EOF when there is none, and errPaused when it had to read from the
	// source; it is called again then.
	next(rec *Record) error
	// lines returns how many line ends come before the window's unread text.
	lines() int64
	// state is what the unread text begins with.
	state() state
	// layout is how the source is laid out, as far as it is known.
	layout() string
	// resume takes up reading at a position; false if its state or layout is not one of
	// these rows.
	resume(s state, layout string, at Position) bool
}

// Layouts begin with a word on how the source's bytes become text.
const (
	plain  = "plain"  // they are the text: it can be read from any offset
	packed = "packed" // compressed or UTF-16: it must be read from the start
)

// Open opens src to read records from the position at; the zero Position is the start.
// A source whose first bytes show that it is not what it should be is fault.Broken at
// once. An empty source has no records, and is broken only where a header is due.
//
// A compressed source that unpacks to more than maxText bytes is fault.Broken where it
// does; 0 is no limit.
func Open(src Source, f Format, s Schema, at Position, maxText int64) (*Decoder, error) {
	max := defaultLimits
	max.text = maxText
	return open(src, f, s, at, max)
}

func open(src Source, f Format, s Schema, at Position, max limits) (*Decoder, error) {
	d := &Decoder{at: at, rec: Record{Number: at.Record, Fields: make([]Field, len(s.Fields), len(s.Fields)+maxColumns)}}
	var err error
	if at == (Position{}) {
		err = d.start(src, f, s, max)
	} else {
		err = d.resume(src, f, s, max)
	}
	if err != nil {
		_ = d.Close() // the source was only read: its first error says more
		return nil, err
	}
	return d, nil
}

// start opens the source at its beginning.
func (d *Decoder) start(src Source, f Format, s Schema, max limits) (err error) {
	if d.packing, err = d.openText(src, max); err != nil {
		return err
	}
	if err := d.sniff(f, s); err != nil {
		return err
	}
	if d.rows = newRows(f, d.win, s); d.rows == nil {
		return fault.New(fault.Invalid, "the format %q is not one of CSV, JSON", f)
	}
	d.note()
	return nil
}

// newRows returns the rows of a source's beginning; nil if there is no such format.
func newRows(f Format, win *window, s Schema) rows {
	switch f {
	case CSV:
		return newCSV(win, s)
	case JSON:
		return newJSON(win, s)
	}
	return nil
}

// resume opens the source where an earlier decoder came to.
func (d *Decoder) resume(src Source, f Format, s Schema, max limits) error {
	packing, layout, _ := strings.Cut(d.at.Layout, " ")
	if packing == plain {
		if err := d.openPlain(src, d.at.Offset, max); err != nil {
			return err
		}
	} else {
		if _, err := d.openText(src, max); err != nil {
			return err
		}
		if err := d.skip(d.at.Offset); err != nil {
			return err
		}
	}
	d.packing = packing
	state, layout, known := cutState(layout)
	d.rows = newRows(f, d.win, s)
	if !known || d.rows == nil || !d.rows.resume(state, layout, d.at) {
		return fault.New(fault.Invalid, "the position's layout %q is not one of a %s source", d.at.Layout, f)
	}
	d.note()
	return nil
}

// openPlain opens a source that is its own text, at an offset.
func (d *Decoder) openPlain(src Source, offset int64, max limits) error {
	rc, err := src(offset)
	if err != nil {
		return fmt.Errorf("open source: %w", err)
	}
	raw := &rawReader{ReadCloser: rc}
	d.text = &text{Reader: raw, raw: raw}
	d.win = newWindow(raw, offset, max)
	return nil
}

// skip reads to an offset of the text.
func (d *Decoder) skip(offset int64) error {
	for d.win.offset() < offset {
		if err := d.win.need(1); err != nil {
			return d.explain(err)
		}
		n := min(int64(d.win.end-d.win.pos), offset-d.win.offset())
		if n == 0 {
			return fault.New(fault.Broken, "the source ends at byte %d, before the place that had been reached, byte %d", d.win.offset(), offset)
		}
		d.win.pos += int(n)
	}
	return nil
}

// openText opens the source's text at its start.
func (d *Decoder) openText(src Source, max limits) (packing string, err error) {
	if d.text, err = openText(src, max.text); err != nil {
		return "", err
	}
	packing = plain
	if d.text.packing != "" {
		packing = packed
	}
	d.win = newWindow(d.text, 0, max)
	if err := d.win.need(4); err != nil {
		return "", d.explain(err)
	}
	var order binary.ByteOrder
	switch head := d.win.unread(); {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe, 0, 0}):
		return "", fault.New(fault.Broken, "the source is UTF-32 text; save it as UTF-8")
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return packing, nil
	}
	head := bytes.Clone(d.win.unread())
	d.win = newWindow(newUTF16Reader(io.MultiReader(bytes.NewReader(head), d.text), order), 0, max)
	return packed, nil
}

// explain says in words of the source why it cannot be read on.
func (d *Decoder) explain(err error) error {
	if err == io.EOF || fault.Is(err, fault.Broken) { // rows return io.EOF itself
		return err
	}
	var lines, offset int64
	if d.rows != nil {
		lines = d.rows.lines()
	}
	if d.win != nil {
		offset = d.win.offset()
	}
	return d.text.explain(err, lines, offset)
}

// Records yields the records from where the decoder stands; to range again goes on
// after what was last yielded. It yields nil instead of a record each time that it has
// read from the source and has no whole record yet, so that the caller may stop, or keep
// the position, where many bytes have no record. An error ends the reading for good: it
// is fault.Broken when the source's content is at fault, and otherwise that of the
// Source's own reader.
func (d *Decoder) Records() iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		for d.err == nil {
			if err := d.rows.next(&d.rec); err != nil {
				if !d.pause(err) {
					break
				}
				if !yield(nil, nil) {
					return
				}
				continue
			}
			d.rec.Number++
			d.at.Record, d.at.Line, d.at.Offset = d.rec.Number, d.rows.lines(), d.win.offset()
			if d.rec.Refused != nil || d.state.phase != between {
				d.state = d.rows.state()
			}
			if !yield(&d.rec, nil) {
				return
			}
		}
		if d.err != io.EOF { // set by pause
			yield(nil, d.err)
		}
	}
}

// pause reports whether reading goes on after an error of rows.
func (d *Decoder) pause(err error) bool {
	if err != errPaused { // rows return it itself
		d.err = d.explain(err)
	}
	if d.err == nil || d.err == io.EOF || err == d.win.err {
		d.note() // also where the source could not be read on
	}
	return d.err == nil
}

// note notes where the rows stand.
func (d *Decoder) note() {
	d.at.Line, d.at.Offset, d.state = d.rows.lines(), d.win.offset(), d.rows.state()
}

// Position is where reading can be resumed after what was last yielded, or the end of
// the source.
func (d *Decoder) Position() Position {
	at, layout := d.at, d.rows.layout()
	if d.state.phase == begin {
		layout, _, _ = strings.Cut(layout, " ") // more may be known by now, but not there
	}
	if token := d.state.encode(); token != "" {
		layout = token + " " + layout
	}
	at.Layout = d.packing + " " + layout
	return at
}

// Close releases the source. The records yielded are invalid afterwards.
func (d *Decoder) Close() error {
	if d.text == nil {
		return nil
	}
	return d.text.Close()
}
