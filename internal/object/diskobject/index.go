package diskobject

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
)

// Keys of the index. Accounts, buckets and holders hold no zero byte; a key may, so it
// comes last, or before something of fixed length:
//
//	b account 0 bucket                          bucket
//	o account 0 bucket 0 key                    entry
//	c content                                   content
//	s blob                                      blockSums: the blob exists
//	g blob                                      blockSums: the blob is to be removed
//	h holder                                    hold
//	u account 0 bucket 0 key 0 upload           upload
//	p upload number (2 bytes, big endian)       Part
//	f upload                                    completed
//
//	v                                           the format of this index
//	i                                           the ID shared with the store of the data directory
//
// Values are JSON, but for those named otherwise: one reads them with any tool, and a
// release may add a field.
const uploadIDLength = 32

func bucketKey(account, bucket string) []byte { return []byte("b" + account + "\x00" + bucket) }

func objectKey(n object.Name) []byte {
	return []byte("o" + n.Account + "\x00" + n.Bucket + "\x00" + n.Key)
}

func contentKey(id string) []byte  { return []byte("c" + id) }
func segmentKey(id string) []byte  { return []byte("s" + id) }
func holdKey(holder string) []byte { return []byte("h" + holder) }

// tombstoneKey is the key of a blob that nothing refers to any more, until its file is
// gone. Readers that are open may still read the file.
func tombstoneKey(id string) []byte { return []byte("g" + id) }

func uploadKey(n object.Name, id string) []byte {
	return []byte("u" + n.Account + "\x00" + n.Bucket + "\x00" + n.Key + "\x00" + id)
}

func partKey(upload string, number int) []byte {
	return binary.BigEndian.AppendUint16([]byte("p"+upload), uint16(number)) // at most MaxParts
}

// entry is what the index knows of an object.
type entry struct {
	Content  string    `json:"content"`
	Size     int64     `json:"size"`
	ETag     string    `json:"etag"`
	Modified time.Time `json:"modified"`
	Parts    int       `json:"parts,omitempty"`
	Meta     Meta      `json:"meta"`
	Checksum Checksum  `json:"checksum"`
}

func (e entry) info(n object.Name) object.Info {
	return object.Info{Name: n, Size: e.Size, ETag: e.ETag, Version: e.Content, Modified: e.Modified}
}

func (e entry) object(n object.Name) Object {
	return Object{Info: e.info(n), Meta: e.Meta, Checksum: e.Checksum, Parts: e.Parts}
}

// content is an immutable sequence of bytes of an account.
type content struct {
	Account  string    `json:"account"`
	Segments []segment `json:"segments,omitempty"`
	Refs     int       `json:"refs"` // objects and holds
}

// segment is a blob in a content. Without a name it is an empty one.
type segment struct {
	Blob string `json:"blob,omitempty"`
	Size int64  `json:"size"`
}

// hold is a reference to a content that is no object.
type hold struct {
	Content string    `json:"content"`
	Since   time.Time `json:"since,omitzero"`
}

type reader interface {
	get(key []byte, v any) (bool, error)
}

// get reads the value of key into v; false if there is none.
func (s *Store) get(key []byte, v any) (bool, error) { return get(s.db, key, v) }

// raw returns the value of key; false if there is none.
func raw(from pebble.Reader, key []byte) ([]byte, bool, error) {
	text, closer, err := from.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read index: %w", err)
	}
	return bytes.Clone(text), true, closer.Close()
}

// checksums returns those of a blob, none if the index does not know it.
func (s *Store) checksums(blob string) (sums blockSums, err error) {
	err = s.view(func() error {
		ok := false
		if sums, ok, err = raw(s.db, segmentKey(blob)); err != nil || ok {
			return err
		}
		sums, _, err = raw(s.db, tombstoneKey(blob))
		return err
	})
	return sums, err
}

func get(from pebble.Reader, key []byte, v any) (bool, error) {
	text, closer, err := from.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read index: %w", err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return false, errors.Join(fmt.Errorf("read index at %q: %w", key, err), closer.Close())
	}
	return true, closer.Close()
}

// lookup returns the entry of n, or fault.NotFound.
func lookup(from reader, n object.Name) (entry, error) {
	var e entry
	ok, err := from.get(objectKey(n), &e)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "there is no object %s", n.URL())
	}
	return e, err
}

// view runs fn while the index stands still.
func (s *Store) view(fn func() error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.life.RUnlock()
	s.mu.RLock()
	defer s.mu.RUnlock()
	return fn()
}

// step is one atomic change of the index. It reads what it has written.
type step struct {
	s     *Store
	batch *pebble.Batch
	owned []string             // blobs that now exist
	freed map[string][]segment // contents, and parts by the name of their blob, that it releases
}

// errUnsynced: whether the step survives is not known.
var errUnsynced = errors.New("sync index")

// update runs fn and makes what it did durable; an error of fn undoes it. Blobs that
// were released are removed afterwards.
func (s *Store) update(fn func(*step) error) error { return s.updateIf(s.space.Write, fn) }

// updateToDelete is update for a step that releases blobs and adds nothing: it is served
// on a disk that is too full for others, so that room can be made.
func (s *Store) updateToDelete(fn func(*step) error) error { return s.updateIf(s.space.Delete, fn) }

func (s *Store) updateIf(hasSpace func() error, fn func(*step) error) error {
	st, err := s.commit(hasSpace, fn)
	if err != nil {
		return err
	}
	s.finish(st.owned)
	for _, segments := range st.freed {
		s.remove(segments)
	}
	return nil
}

func (s *Store) commit(hasSpace func() error, fn func(*step) error) (*step, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.life.RUnlock()
	if err := hasSpace(); err != nil {
		return nil, err
	}
	st, err := s.apply(fn)
	if err != nil {
		return nil, err
	}
	// The step is visible already, but not acknowledged. A sync of the log covers all
	// that was logged before, and many callers share one.
	if err := s.db.LogData(nil, pebble.Sync); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnsynced, err)
	}
	return st, nil
}

func (s *Store) apply(fn func(*step) error) (*step, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &step{s: s, batch: s.db.NewIndexedBatch(), freed: map[string][]segment{}}
	err := fn(st)
	if err == nil {
		if err = s.db.Apply(st.batch, pebble.NoSync); err != nil {
			err = fmt.Errorf("write index: %w", err)
		}
	}
	if closeErr := st.batch.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, err
	}
	for id, segments := range st.freed {
		if s.pins[id] > 0 {
			s.doomed[id] = segments
			delete(st.freed, id)
		}
	}
	return st, nil
}

func (st *step) get(key []byte, v any) (bool, error) { return get(st.batch, key, v) }

func (st *step) set(key []byte, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write index at %q: %w", key, err)
	}
	return st.batch.Set(key, text, nil)
}

func (st *step) delete(key []byte) error { return st.batch.Delete(key, nil) }

// own writes down the blobs that now exist.
func (st *step) own(w written) error {
	for _, seg := range w.segments {
		if err := st.batch.Set(segmentKey(seg.Blob), w.blocks, nil); err != nil {
			return err
		}
		st.owned = append(st.owned, seg.Blob)
	}
	return nil
}

// disown releases the blobs that id stood for. Each has a tombstone until its file is
// gone; with its checksums, for readers that are open.
func (st *step) disown(id string, segments []segment) error {
	st.freed[id] = segments
	for _, seg := range segments {
		if seg.Blob == "" {
			continue
		}
		sums, _, err := raw(st.batch, segmentKey(seg.Blob))
		if err != nil {
			return err
		}
		if err := st.batch.Set(tombstoneKey(seg.Blob), sums, nil); err != nil {
			return err
		}
		if err := st.delete(segmentKey(seg.Blob)); err != nil {
			return err
		}
	}
	return nil
}

// refer adds a reference to the content, or removes one; the last one takes the
// content with it.
func (st *step) refer(id string, by int) error {
	var c content
	ok, err := st.get(contentKey(id), &c)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("content %s is missing from the index", id)
	}
	if c.Refs += by; c.Refs > 0 {
		return st.set(contentKey(id), c)
	}
	if err := st.delete(contentKey(id)); err != nil {
		return err
	}
	return st.disown(id, c.Segments)
}

// put lets n be e, whose content exists and counts this reference already, in the place
// of what was there.
func (st *step) put(n object.Name, e entry) error {
	var old entry
	ok, err := st.get(objectKey(n), &old)
	if err != nil {
		return err
	}
	if err := st.set(objectKey(n), e); err != nil || !ok {
		return err
	}
	return st.refer(old.Content, -1)
}

// checkName refuses names that the index cannot hold, and keys that S3 cannot.
func checkName(n object.Name) error {
	switch {
	case strings.Contains(n.Account, "\x00"):
		return fault.New(fault.Invalid, "an account has no zero byte in its name")
	case n.Key == "":
		return fault.New(fault.Invalid, "a key is never empty")
	case len(n.Key) > MaxKey:
		return ErrKeyTooLong
	case !validUTF8(n.Key):
		return fault.New(fault.Invalid, "a key is valid UTF-8")
	}
	return checkBucket(n.Bucket)
}
