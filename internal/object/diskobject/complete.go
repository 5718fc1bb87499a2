package diskobject

import (
	"context"
	"crypto/md5" //nolint:gosec // S3's ETag is one
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
)

// PartRef names a part that is to become a piece of the object.
type PartRef struct {
	Number int
	ETag   string
	Sum    string // base64, by the upload's algorithm; "" if the caller does not say
}

// Complete makes the object of the listed parts, in their order, and forgets the
// others. No byte is copied. want is the value of the object's checksum that the
// caller expects, "" if it does not say; the composite one may lack its -N.
func (s *Store) Complete(_ context.Context, n object.Name, id string, refs []PartRef, want string, c Condition) (Object, error) {
	var e entry
	err := s.update(func(st *step) error {
		u, err := upload(st, n, id)
		if err != nil {
			return err
		}
		parts, err := st.choose(id, refs)
		if err != nil {
			return err
		}
		if e, err = s.assemble(u, parts, want); err != nil {
			return err
		}
		if err := c.check(st, n); err != nil {
			return err
		}
		whole, keep := content{Account: n.Account, Refs: 1}, map[string]bool{}
		for _, p := range parts {
			whole.Segments = append(whole.Segments, p.segment())
			keep[p.Blob] = true
		}
		if err := st.set(contentKey(e.Content), whole); err != nil {
			return err
		}
		if err := st.dropUpload(n, id, keep); err != nil {
			return err
		}
		return st.put(n, e)
	})
	return e.object(n), err
}

// choose returns the parts that refs name, and refuses a list that S3 would refuse.
func (st *step) choose(id string, refs []PartRef) ([]Part, error) {
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
		ok, err := st.get(partKey(id, ref.Number), &p)
		if err != nil {
			return nil, err
		}
		if !ok || ref.ETag != p.ETag || ref.Sum != "" && ref.Sum != base64.StdEncoding.EncodeToString(p.Sum) {
			return nil, ErrPart
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

// assemble says what the object of the parts is.
func (s *Store) assemble(u Upload, parts []Part, want string) (entry, error) {
	e := entry{Content: newID(), Modified: s.now().UTC(), Parts: len(parts), Meta: u.Meta, Checksum: u.Checksum}
	tags, composite := md5.New(), u.Checksum.Algorithm.New() //nolint:gosec // see above
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
	count := ""
	if u.Checksum.Composite {
		count = fmt.Sprintf("-%d", len(parts))
		e.Checksum.Value = base64.StdEncoding.EncodeToString(composite.Sum(nil)) + count
	} else {
		e.Checksum.Value = base64.StdEncoding.EncodeToString(joined.sum())
	}
	if want != "" && strings.TrimSuffix(want, count) != strings.TrimSuffix(e.Checksum.Value, count) {
		return entry{}, fault.New(fault.BodyMismatch, "The checksum of the whole object is not the one you specified")
	}
	return e, nil
}
