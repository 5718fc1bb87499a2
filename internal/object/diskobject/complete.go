package diskobject

import (
	"context"
	"crypto/md5" // S3's ETag is one
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
)

// Completion says what object an upload is to become.
type Completion struct {
	Parts    []PartRef // in their order; parts that are not listed are removed
	Checksum Checksum  // expected of the object; a composite value may lack its -N
	Size     *int64    // expected of the object; nil if the caller does not say
	If       Condition
}

// SizeError says that the parts do not have the size that was expected of the object.
type SizeError struct{ Want, Got int64 }

func (e SizeError) Error() string {
	return fmt.Sprintf("the parts have %d bytes, not %d", e.Got, e.Want)
}

// PartRef names a part that is to become a piece of the object.
type PartRef struct {
	Number   int
	ETag     string
	Checksum Checksum // expected of the part; the zero value if the caller does not say
}

// Complete makes the object of the listed parts. No byte is copied. Of an upload that was
// completed with the same parts, within completedFor, it returns what came of that and
// changes nothing.
func (s *Store) Complete(_ context.Context, n object.Name, id string, c Completion) (Object, error) {
	var e entry
	err := s.update(func(st *step) error {
		u, err := upload(st, n, id)
		switch {
		case errors.Is(err, ErrNoUpload):
			e, err = st.repeated(n, id, c)
		case err == nil:
			e, err = st.complete(u, c)
		}
		return err
	})
	return e.object(n), err
}

// complete makes the object of an upload that exists.
func (st *step) complete(u Upload, c Completion) (entry, error) {
	parts, err := st.choose(u, c.Parts)
	if err != nil {
		return entry{}, err
	}
	e, err := st.s.assemble(u, parts)
	if err != nil {
		return entry{}, err
	}
	if err := c.verify(e); err != nil {
		return entry{}, err
	}
	if err := c.If.check(st, u.Name); err != nil {
		return entry{}, err
	}
	whole, keep := content{Account: u.Name.Account, Refs: 1}, map[string]bool{}
	for _, p := range parts {
		whole.Segments = append(whole.Segments, p.segment())
		keep[p.Blob] = true
	}
	if err := st.set(contentKey(e.Content), whole); err != nil {
		return entry{}, err
	}
	if err := st.dropUpload(u.Name, u.ID, keep); err != nil {
		return entry{}, err
	}
	if err := st.remember(u.Name, u.ID, c, e); err != nil {
		return entry{}, err
	}
	return e, st.put(u.Name, e)
}

// verify compares the object with what the caller expects of it.
func (c Completion) verify(e entry) error {
	if c.Size != nil && *c.Size != e.Size {
		return SizeError{*c.Size, e.Size}
	}
	want := c.Checksum
	if want.Value == "" {
		return nil
	}
	count := ""
	if e.Checksum.Composite {
		count = fmt.Sprintf("-%d", e.Parts)
	}
	if want.Algorithm != e.Checksum.Algorithm || strings.TrimSuffix(want.Value, count) != strings.TrimSuffix(e.Checksum.Value, count) {
		return fault.New(fault.BodyMismatch, "The %s you specified did not match the calculated checksum.", want.Algorithm)
	}
	return nil
}

// choose returns the parts that refs name, and refuses a list that S3 would refuse.
func (st *step) choose(u Upload, refs []PartRef) ([]Part, error) {
	if len(refs) == 0 {
		return nil, fault.New(fault.Malformed, "You must specify at least one part")
	}
	parts := make([]Part, 0, len(refs))
	for i, ref := range refs {
		if i > 0 && ref.Number <= refs[i-1].Number {
			return nil, ErrPartOrder
		}
		var p Part
		if ref.Number < 1 || ref.Number > MaxParts {
			return nil, ErrPart
		}
		ok, err := st.get(partKey(u.ID, ref.Number), &p)
		if err != nil {
			return nil, err
		}
		if !ok || ref.ETag != p.ETag {
			return nil, ErrPart
		}
		if err := p.verify(u, ref.Checksum); err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	for _, p := range parts[:len(parts)-1] {
		if p.Size < MinPartSize {
			return nil, ErrPartSmall
		}
	}
	return parts, nil
}

// verify compares the part's checksum with the one that a caller expects, which has the
// upload's algorithm or that of the checksum that the part came with.
func (p Part) verify(u Upload, want Checksum) error {
	switch {
	case want.Value == "":
		return nil
	case want.Algorithm == u.Checksum.Algorithm:
		if want.Value != base64.StdEncoding.EncodeToString(p.Sum) {
			return ErrPart
		}
	case want != p.Given:
		return fault.New(fault.BodyMismatch, "The %s you specified for part %d did not match what we received.",
			strings.ToLower(string(want.Algorithm)), p.Number)
	}
	return nil
}

// assemble says what the object of the parts is.
func (s *Store) assemble(u Upload, parts []Part) (entry, error) {
	e := entry{Content: newID(), Modified: s.now().UTC(), Parts: len(parts), Meta: u.Meta, Checksum: u.Checksum}
	tags, composite := md5.New(), u.Checksum.Algorithm.New()
	joined := newJoiner(u.Checksum.Algorithm)
	for _, p := range parts {
		tag, err := hex.DecodeString(p.ETag)
		if err != nil {
			return entry{}, fmt.Errorf("read the ETag of part %d: %w", p.Number, err)
		}
		tags.Write(tag)
		if u.Checksum.Composite {
			composite.Write(p.Sum)
		} else {
			joined.add(p.Sum, p.Size)
		}
		e.Size += p.Size
	}
	e.ETag = fmt.Sprintf("%x-%d", tags.Sum(nil), len(parts))
	if u.Checksum.Composite {
		e.Checksum.Value = fmt.Sprintf("%s-%d", base64.StdEncoding.EncodeToString(composite.Sum(nil)), len(parts))
	} else {
		e.Checksum.Value = base64.StdEncoding.EncodeToString(joined.sum())
	}
	return e, nil
}
