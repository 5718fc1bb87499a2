package diskobject

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/internal/object"
)

const (
	// completedFor is how long a completion can be repeated. Clients whose answer was lost
	// repeat a call within minutes; a person with a script may take a weekend.
	completedFor = 3 * 24 * time.Hour
	// completedPruned is how many records one completion, which adds one, may remove.
	completedPruned = 8
)

// completed is what the index remembers of an upload that became an object. A client
// whose answer was lost repeats the call, and gets the same answer.
type completed struct {
	Name     object.Name `json:"name"`
	Parts    string      `json:"parts"` // hash of the parts that were listed
	At       time.Time   `json:"at"`
	Size     int64       `json:"size"`
	ETag     string      `json:"etag"`
	Count    int         `json:"count"` // of parts
	Checksum Checksum    `json:"checksum"`
}

func completedKey(upload string) []byte { return []byte("f" + upload) }

// entry returns the object that the completion made. It may have been replaced since.
func (d completed) entry() entry {
	return entry{Size: d.Size, ETag: d.ETag, Modified: d.At, Parts: d.Count, Checksum: d.Checksum}
}

// hash identifies the list of parts.
func (c Completion) hash() string {
	h := sha256.New()
	for _, p := range c.Parts {
		_, _ = fmt.Fprintf(h, "%d %q %s %q\n", p.Number, p.ETag, p.Checksum.Algorithm, p.Checksum.Value)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// repeated returns what an upload that is gone was completed to, if c lists the same
// parts. Its condition was checked then. Otherwise it is ErrNoUpload.
func (st *step) repeated(n object.Name, id string, c Completion) (entry, error) {
	var d completed
	if len(id) != uploadIDLength {
		return entry{}, ErrNoUpload
	}
	ok, err := st.get(completedKey(id), &d)
	if err != nil {
		return entry{}, err
	}
	if !ok || d.Name != n || d.Parts != c.hash() || st.s.now().Sub(d.At) > completedFor {
		return entry{}, ErrNoUpload
	}
	var b Bucket
	if ok, err = st.get(bucketKey(n.Account, n.Bucket), &b); err != nil {
		return entry{}, err
	}
	if !ok || b.Created.After(d.At) { // the bucket of that time is gone
		return entry{}, ErrNoUpload
	}
	return d.entry(), c.verify(d.entry())
}

// remember keeps what an upload was completed to, and removes records that are too old.
func (st *step) remember(n object.Name, id string, c Completion, e entry) error {
	if err := st.forgetCompleted(e.Modified.Add(-completedFor)); err != nil {
		return err
	}
	return st.set(completedKey(id), completed{
		Name: n, Parts: c.hash(), At: e.Modified, Size: e.Size, ETag: e.ETag, Count: e.Parts, Checksum: e.Checksum,
	})
}

// forgetCompleted removes some of the records from before a time. Records are in the
// order in which their uploads started, so the old ones are among the first.
func (st *step) forgetCompleted(before time.Time) error {
	left := completedPruned
	return st.s.scan([]byte("f"), []byte("f"), func(key, value []byte) (bool, error) {
		left--
		var d completed
		// A damaged row must not stop completions. sluice check reports it.
		if json.Unmarshal(value, &d) == nil && d.At.Before(before) {
			if err := st.delete(key); err != nil {
				return false, err
			}
		}
		return left > 0, nil
	})
}
