package record

import (
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
)

// Excerpts reads parts of a source's text again, by the offsets of records that were
// read before. It goes through the source once, forward, and holds in memory what the
// longest part takes. It is not safe for concurrent use.
type Excerpts struct {
	src    Source
	packed bool
	max    limits
	d      *Decoder // nil until something is read
}

// NewExcerpts returns the Excerpts of src, of which layout is the Position.Layout of any
// position that its Decoder had.
func NewExcerpts(src Source, layout string) *Excerpts {
	packing, _, _ := strings.Cut(layout, " ")
	return &Excerpts{src: src, packed: packing != plain, max: defaultLimits}
}

// reopenFrom is the distance over which a plain source is opened anew, instead of read.
const reopenFrom = 1 << 20

// At returns n bytes of the text from offset on, valid until the next call. Offsets must
// not decrease. A source that does not have so much text is fault.Broken.
func (e *Excerpts) At(offset int64, n int) ([]byte, error) {
	if err := e.seek(offset); err != nil {
		return nil, err
	}
	if err := e.d.win.need(n); err != nil {
		return nil, e.d.explain(err)
	}
	text := e.d.win.unread()
	if len(text) < n {
		return nil, fault.New(fault.Broken, "the source ends at byte %d, within a record that it had", e.d.win.offset()+int64(len(text)))
	}
	return text[:n], nil
}

// seek makes offset the next byte to be read.
func (e *Excerpts) seek(offset int64) error {
	if e.d != nil && offset < e.d.win.offset() {
		return fmt.Errorf("read source at byte %d: byte %d has been passed", offset, e.d.win.offset())
	}
	if !e.packed && (e.d == nil || offset-e.d.win.offset() > reopenFrom) {
		if err := e.Close(); err != nil {
			return err
		}
		d := &Decoder{}
		if err := d.openPlain(e.src, offset, e.max); err != nil {
			return err
		}
		e.d = d
		return nil
	}
	if e.d == nil {
		e.d = &Decoder{}
		if _, err := e.d.openText(e.src, e.max); err != nil {
			return err
		}
	}
	return e.d.skip(offset)
}

// Close releases the source.
func (e *Excerpts) Close() error {
	if e.d == nil {
		return nil
	}
	return e.d.Close()
}
