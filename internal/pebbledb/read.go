package pebbledb

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// OpenReadOnly opens a database to be checked. It writes nothing, logs nothing, and does
// not compare the directory with its state record: the check reports what is wrong. name
// is what the database is, in the text of a panic when Pebble cannot go on. The lock, if
// not nil, is one of the directory that the caller has. Fields of opts about logging,
// locking and writing are replaced; opts itself is not changed.
func OpenReadOnly(dir, name string, opts *pebble.Options, lock *pebble.Lock) (*pebble.DB, error) {
	p := opts.Clone()
	p.ReadOnly, p.Lock, p.Logger = true, lock, silent{name}
	p.EventListener = &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}} // by default it ends the process
	return openPebble(dir, p)
}

// silent drops what Pebble logs.
type silent struct{ name string }

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}

func (s silent) Fatalf(format string, args ...any) {
	panic(s.name + " opened for reading: " + fmt.Sprintf(format, args...))
}

// PrefixEnd returns the first key behind all that begin with a prefix, which is the upper
// bound of an iteration over those. It is nil, which is no bound, if there is none.
func PrefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
