package diskobject

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
)

// S3's limits on parts.
const (
	MaxParts    = 10_000
	MinPartSize = 5 << 20 // of every part but the last
)

// Upload is a multipart upload that was neither completed nor aborted.
type Upload struct {
	Name     object.Name `json:"-"`
	ID       string      `json:"-"`
	Started  time.Time   `json:"started"`
	Meta     Meta        `json:"meta"`
	Checksum Checksum    `json:"checksum"`         // without a value: what to keep with the object
	Chosen   bool        `json:"chosen,omitempty"` // the caller named the algorithm
}

// Part is a part of an upload.
type Part struct {
	Number   int       `json:"number"`
	Size     int64     `json:"size"`
	ETag     string    `json:"etag"`
	Sum      []byte    `json:"sum"`            // by the upload's algorithm
	Given    Checksum  `json:"given,omitzero"` // that the part came with, by another algorithm
	Modified time.Time `json:"modified"`
	Blob     string    `json:"blob,omitempty"` // none for an empty part
}

func (p Part) segment() segment { return segment{p.Blob, p.Size} }

// StartUpload begins a multipart upload, to be kept with a checksum of the given kind;
// without an algorithm that is the CRC64NVME of the whole.
func (s *Store) StartUpload(_ context.Context, n object.Name, meta Meta, sum Checksum) (Upload, error) {
	if err := checkName(n); err != nil {
		return Upload{}, err
	}
	chosen := sum.Algorithm != ""
	if !chosen {
		sum = Checksum{Algorithm: CRC64NVME}
	}
	if !sum.Algorithm.Allows(sum.Composite) {
		return Upload{}, fault.New(fault.Invalid, "an object put in parts cannot have that type of %s", sum.Algorithm)
	}
	now := s.now().UTC()
	// Ids grow, so that uploads of one key are listed in the order of their start.
	u := Upload{Name: n, ID: fmt.Sprintf("%016x", now.UnixNano()) + newID()[:16], Started: now, Meta: meta, Checksum: sum, Chosen: chosen}
	return u, s.update(func(st *step) error {
		if err := st.needBucket(n); err != nil {
			return err
		}
		return st.set(uploadKey(n, u.ID), u)
	})
}

// Upload tells about an upload, or ErrNoUpload.
func (s *Store) Upload(_ context.Context, n object.Name, id string) (u Upload, err error) {
	err = s.view(func() error {
		u, err = upload(s, n, id)
		return err
	})
	return u, err
}

func upload(from reader, n object.Name, id string) (Upload, error) {
	u := Upload{Name: n, ID: id}
	if len(id) != uploadIDLength {
		return u, ErrNoUpload
	}
	ok, err := from.get(uploadKey(n, id), &u)
	if err == nil && !ok {
		err = ErrNoUpload
	}
	return u, err
}

// WritePart puts what r gives as a part of the upload, replacing the part of that
// number. Of w, the checksum is one that Check wants to see besides the upload's own.
func (s *Store) WritePart(ctx context.Context, n object.Name, id string, number int, w Write, r io.Reader) (Part, error) {
	if number < 1 || number > MaxParts {
		return Part{}, fault.New(fault.Invalid, "Part number must be an integer between 1 and %d, inclusive", MaxParts)
	}
	u, err := s.Upload(ctx, n, id)
	if err != nil {
		return Part{}, err
	}
	blob, err := s.write(ctx, r, u.Checksum.Algorithm, w.Checksum)
	if err != nil {
		return Part{}, err
	}
	p := Part{
		Number: number, Size: blob.digest.Size, ETag: hex.EncodeToString(blob.digest.MD5[:]),
		Sum: blob.digest.Sums[u.Checksum.Algorithm], Modified: s.now().UTC(),
	}
	if w.Checksum != "" && w.Checksum != u.Checksum.Algorithm {
		p.Given = Checksum{Algorithm: w.Checksum, Value: blob.digest.Sum(w.Checksum)}
	}
	if len(blob.segments) > 0 {
		p.Blob = blob.segments[0].Blob
	}
	if err = w.check(blob.digest); err == nil {
		err = s.update(func(st *step) error { return st.setPart(n, id, p, blob) })
	}
	if err != nil {
		s.discard(blob, err)
		return Part{}, err
	}
	return p, nil
}

func (st *step) setPart(n object.Name, id string, p Part, blob written) error {
	if _, err := upload(st, n, id); err != nil { // completed or aborted in the meantime
		return err
	}
	var old Part
	ok, err := st.get(partKey(id, p.Number), &old)
	if err != nil {
		return err
	}
	if ok {
		if err := st.disown(old.Blob, []segment{old.segment()}); err != nil {
			return err
		}
	}
	if err := st.own(blob); err != nil {
		return err
	}
	return st.set(partKey(id, p.Number), p)
}

// Parts returns up to limit parts of an upload with numbers above after, and whether
// there are more.
func (s *Store) Parts(_ context.Context, n object.Name, id string, after, limit int) (parts []Part, more bool, err error) {
	err = s.view(func() error {
		if _, err := upload(s, n, id); err != nil {
			return err
		}
		return s.scanParts(id, min(max(after, 0), MaxParts)+1, func(p Part) bool {
			if more = len(parts) >= limit; !more {
				parts = append(parts, p)
			}
			return !more
		})
	})
	return parts, more, err
}

func (s *Store) scanParts(id string, from int, fn func(Part) (more bool)) error {
	return s.scan([]byte("p"+id), partKey(id, from), func(_, value []byte) (bool, error) {
		var p Part
		if err := json.Unmarshal(value, &p); err != nil {
			return false, fmt.Errorf("read part: %w", err)
		}
		return fn(p), nil
	})
}

// UploadQuery asks for uploads by key, and those of one key by start.
type UploadQuery struct {
	Query        // After is the last key or group that is known
	ID    string // the last upload of the key After that is known; "" means all of them are
}

// UploadPage is an answer to an UploadQuery.
type UploadPage struct {
	Uploads []Upload
	Groups  []string
	More    bool
	Next    string // the After of the next page
	NextID  string // the ID of the next page
}

// Uploads returns the uploads of a bucket that were neither completed nor aborted.
func (s *Store) Uploads(_ context.Context, account, bucket string, q UploadQuery) (UploadPage, error) {
	n := object.Name{Account: account, Bucket: bucket}
	root := uploadKey(n, "")
	root = root[:len(root)-1] // it ends where the key starts
	const tail = 1 + uploadIDLength
	if g, ok := q.commonPrefix(q.After); q.After != "" && (!ok || g != q.After) {
		if q.ID == "" {
			q.ID = "\xff"
		}
		q.After += "\x00" + q.ID
	}
	var p UploadPage
	err := s.view(func() error {
		return s.list(root, q.Query, walk{
			name:  func(rest string) string { return rest[:len(rest)-tail] },
			group: func(g string) { p.Groups = append(p.Groups, g) },
			one: func(rest string, value []byte) error {
				n.Key = rest[:len(rest)-tail]
				u := Upload{Name: n, ID: rest[len(rest)-uploadIDLength:]}
				if err := json.Unmarshal(value, &u); err != nil {
					return fmt.Errorf("read upload: %w", err)
				}
				p.Uploads = append(p.Uploads, u)
				return nil
			},
			more: func(last string) {
				p.More, p.Next = true, last
				if len(p.Uploads) > 0 {
					u := p.Uploads[len(p.Uploads)-1]
					if last == u.Name.Key+"\x00"+u.ID {
						p.Next, p.NextID = u.Name.Key, u.ID
					}
				}
			},
		})
	})
	return p, err
}

// Abort ends an upload and removes its parts. If the upload was not started in the same
// second as started, it is fault.PreconditionFailed; the zero time accepts any.
func (s *Store) Abort(_ context.Context, n object.Name, id string, started time.Time) error {
	return s.updateToDelete(func(st *step) error {
		u, err := upload(st, n, id)
		if err != nil {
			return err
		}
		if !sameSecond(started, u.Started) {
			return errCondition
		}
		return st.dropUpload(n, id, nil)
	})
}

// dropUpload forgets an upload and its parts, and releases the blobs that are not
// kept.
func (st *step) dropUpload(n object.Name, id string, keep map[string]bool) error {
	if err := st.delete(uploadKey(n, id)); err != nil {
		return err
	}
	var err error
	scanErr := st.s.scanParts(id, 0, func(p Part) bool {
		if err = st.delete(partKey(id, p.Number)); err == nil && !keep[p.Blob] {
			err = st.disown(p.Blob, []segment{p.segment()})
		}
		return err == nil
	})
	if err == nil {
		err = scanErr
	}
	return err
}

// dropUploads forgets all uploads of a bucket.
func (st *step) dropUploads(n object.Name) error {
	root := uploadKey(n, "")
	root = root[:len(root)-1]
	return st.s.scan(root, root, func(key, _ []byte) (bool, error) {
		rest := string(key[len(root):])
		n.Key = rest[:len(rest)-uploadIDLength-1]
		return true, st.dropUpload(n, rest[len(rest)-uploadIDLength:], nil)
	})
}
