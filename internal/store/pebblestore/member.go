package pebblestore

import (
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/store"
)

// A member's value in the database:
//
//	created   8 bytes, microseconds, big-endian
//	updated   varint, microseconds after created
//	unique    the unique keys, if the list has some, see uniquekeys.go
//	value     the rest
//
// The same bytes are an operand of the merge "created stays, the rest is replaced",
// which is how a member is put without looking whether it is there.

func appendMemberTimes(b []byte, created, updated int64) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(created))
	return binary.AppendVarint(b, updated-created)
}

var errMemberValue = errors.New("a member's value in the database is damaged")

// cutMemberValue returns the times of a member, and what follows them.
func cutMemberValue(b []byte) (created, updated int64, value []byte, err error) {
	if len(b) <= 8 {
		return 0, 0, nil, errMemberValue
	}
	created = int64(binary.BigEndian.Uint64(b))
	age, n := binary.Varint(b[8:])
	if n <= 0 {
		return 0, 0, nil, errMemberValue
	}
	return created, created + age, b[8+n:], nil
}

// decodeMember copies a member out of the database.
func decodeMember(key string, b []byte, uniqueKeys bool) (store.Member, error) {
	created, updated, value, err := cutMemberValue(b)
	if err != nil {
		return store.Member{}, err
	}
	if uniqueKeys {
		_, n, err := cutUniqueKeys(value)
		if err != nil {
			return store.Member{}, err
		}
		value = value[n:]
	}
	return store.Member{
		Key: key, Value: append([]byte(nil), value...),
		Created: time.UnixMicro(created).UTC(), Updated: time.UnixMicro(updated).UTC(),
	}, nil
}

// memberMerger must keep its name: Pebble refuses a database that another one wrote.
var memberMerger = &pebble.Merger{
	Name: "sluice.created-stays",
	Merge: func(_, value []byte) (pebble.ValueMerger, error) {
		m := mergers.Get().(*merger)
		m.oldest = append(m.oldest[:0], value...)
		m.newest = append(m.newest[:0], value...)
		return m, nil
	},
}

// Merger returns how values of one member are merged, for programs that read the files of
// a store.
func Merger() *pebble.Merger { return memberMerger }

// mergers are used again, since a compaction needs one for every member it meets.
var mergers = sync.Pool{New: func() any { return new(merger) }}

type merger struct {
	oldest, newest, merged []byte
}

func (m *merger) MergeNewer(value []byte) error {
	m.newest = append(m.newest[:0], value...)
	return nil
}

func (m *merger) MergeOlder(value []byte) error {
	m.oldest = append(m.oldest[:0], value...)
	return nil
}

func (m *merger) Finish(bool) ([]byte, io.Closer, error) {
	created, _, _, err := cutMemberValue(m.oldest)
	if err != nil {
		return nil, nil, err
	}
	_, updated, value, err := cutMemberValue(m.newest)
	if err != nil {
		return nil, nil, err
	}
	m.merged = append(appendMemberTimes(m.merged[:0], created, updated), value...)
	return m.merged, m, nil
}

// Close is called when the merged value is no longer needed.
func (m *merger) Close() error {
	mergers.Put(m)
	return nil
}
