package mailmanager

import (
	"hash/maphash"
	"sync"
)

// starts lets one Start of a job happen at a time. Between holding the bytes and
// binding the job to them, another Start could move the hold to bytes uploaded since,
// and the job would lose its own. On two nodes at once that can still be, and the
// job then fails with the sentence that its object has changed.
type starts [64]sync.Mutex

var seed = maphash.MakeSeed()

func (s *starts) lock(id string) (unlock func()) {
	m := &s[maphash.String(seed, id)%uint64(len(s))]
	m.Lock()
	return m.Unlock
}
