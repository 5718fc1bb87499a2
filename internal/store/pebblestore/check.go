package pebblestore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/pebbledb"
	"github.com/sluicehq/sluice/internal/store"
)

// The codes of findings. They are part of what `sluice check --json` prints and do not
// change.
const (
	RowUnreadable  = "row-unreadable"  // a file is damaged where the row is
	RowDamaged     = "row-damaged"     // the value does not decode
	RowMismatch    = "row-mismatch"    // key and value do not agree
	RowUnknown     = "row-unknown"     // the key is of no known form
	IndexMissing   = "index-missing"   // a job or list lacks an index row
	IndexDangling  = "index-dangling"  // an index row refers to nothing
	JobCounts      = "job-counts"      // the counts are not those of the rejects stored
	RowsOrphaned   = "rows-orphaned"   // rows of a job or list that does not exist
	RowsSetAside   = "rows-set-aside"  // what an earlier repair has set aside
	MemberDamaged  = "member-damaged"  // key or value of a member are not in their form
	UniqueKeyWrong = "unique-key"      // unique keys and members do not agree
	NumberWrong    = "sequence-number" // a number is used twice, or will be given out again
)

// Finding is something in a store that does not hold together.
type Finding struct {
	Code    string
	Row     string // by name; never a member's key, which may be an address
	Problem string
	// SetAside are the keys that a repair may set aside, see Store.SetAside.
	SetAside [][]byte
}

// CheckTotals is how much a check has seen.
type CheckTotals struct {
	Jobs, Lists, Members, Rejects int64
}

// Inspection is a store that is open for reading, to be checked. What it reads does
// not change meanwhile.
type Inspection struct {
	db     *pebble.DB
	owners map[string][]job.Owner // of jobs, by account; nil until FindJob needs them
}

// Inspect opens a store to be checked. It writes nothing. The lock, if not nil, is one
// of the directory that the caller has.
func Inspect(dir string, fs vfs.FS, lock *pebble.Lock) (*Inspection, error) {
	p := pebbleOptions(Options{FS: fs, CacheBytes: inspectCacheBytes, Logger: slog.New(slog.DiscardHandler)})
	db, err := pebbledb.OpenReadOnly(dir, "store", p, lock)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	return &Inspection{db: db}, nil
}

const inspectCacheBytes = 16 << 20

// Close gives the store up.
func (i *Inspection) Close() error { return i.db.Close() }

// CheckOptions say what Check does beside looking at rows. The zero value works.
type CheckOptions struct {
	// Member returns what is wrong with a member of a list: a store does not know what keys
	// and values mean. Its text names no key: that may be an address.
	Member func(l store.ListRef, key, value []byte, unique []string) error
	// Progress is called now and then with the number of rows read.
	Progress func(rows int64)
}

// Check reads every row, and reports what does not hold together. Its memory grows by
// some bytes with each job and list, and not with members or rejects.
func (i *Inspection) Check(ctx context.Context, o CheckOptions, report func(Finding)) (CheckTotals, error) {
	return newRowCheck(ctx, i.db, o, report).run()
}

// rowCheck is one check of all rows.
type rowCheck struct {
	db      pebble.Reader
	stop    func() error // why to go on no longer
	report  func(Finding)
	options CheckOptions

	totals CheckTotals
	rows   int64
	end    uint64   // numbers from here on are still to be given out
	jobs   []uint64 // their numbers, sorted when all are known
	lists  []uint64
	due    []keyRange // noted to be cut out
}

func newRowCheck(ctx context.Context, db pebble.Reader, o CheckOptions, report func(Finding)) *rowCheck {
	if o.Member == nil {
		o.Member = func(store.ListRef, []byte, []byte, []string) error { return nil }
	}
	if o.Progress == nil {
		o.Progress = func(int64) {}
	}
	return &rowCheck{db: db, stop: ctx.Err, report: report, options: o}
}

func (c *rowCheck) run() (CheckTotals, error) {
	for _, step := range []func() error{
		c.checkSequence, c.checkSecrets, c.checkBinding, c.checkNotes, c.checkDeletedLists, c.checkJobs, c.checkJobIndexes,
		c.checkLists, c.checkListNames, c.checkListOrder, c.checkTokens, c.checkOrphans, c.checkTables,
	} {
		if err := step(); err != nil {
			return c.totals, err
		}
	}
	return c.totals, nil
}

func (c *rowCheck) found(code, row, format string, args ...any) {
	c.report(Finding{Code: code, Row: row, Problem: fmt.Sprintf(format, args...)})
}

func (c *rowCheck) foundAt(code, row string, setAside [][]byte, format string, args ...any) {
	c.report(Finding{Code: code, Row: row, Problem: fmt.Sprintf(format, args...), SetAside: setAside})
}

// each calls do with every row of a range. If the database cannot read on, that is a
// finding and the rest of the range is left out.
func (c *rowCheck) each(r keyRange, what string, do func(k, v []byte) error) error {
	it, err := c.db.NewIter(&pebble.IterOptions{LowerBound: r.start, UpperBound: r.end})
	if err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	defer it.Close()
	n := int64(0)
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			break // it.Error has it too
		}
		if n++; n%checkEvery == 0 {
			if err := c.stop(); err != nil {
				return err
			}
			c.rows += checkEvery
			c.options.Progress(c.rows)
		}
		if err := do(it.Key(), v); err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil {
		c.found(RowUnreadable, what, "cannot be read beyond row %d: %v", n, err)
	}
	return nil
}

func (c *rowCheck) eachOf(table byte, what string, do func(k, v []byte) error) error {
	return c.each(keyRange{[]byte{table}, []byte{table + 1}}, what, do)
}

// get reads a row; ok is false if it cannot be read, which is reported.
func (c *rowCheck) get(key []byte, what string) (v []byte, ok bool) {
	v, err := getFrom(c.db, key)
	if err != nil {
		c.found(RowUnreadable, what, "cannot be read: %v", err)
		return nil, false
	}
	return v, true
}

func (c *rowCheck) checkSequence() error {
	c.end = 1 // as in a store without one
	v, ok := c.get(keyOfSequence(), "sequence")
	switch {
	case !ok:
		c.end = ^uint64(0)
	case v != nil && len(v) != 8:
		c.found(RowDamaged, "sequence", "has %d bytes, want 8", len(v))
		c.end = ^uint64(0)
	case v != nil:
		c.end = binary.BigEndian.Uint64(v)
	}
	return nil
}

func (c *rowCheck) checkSecrets() error {
	return c.eachOf(tableSecrets, "secrets", func(k, v []byte) error {
		if len(v) != secretLen {
			c.found(RowDamaged, fmt.Sprintf("secret %q", k[1:]), "has %d bytes, want %d", len(v), secretLen)
		}
		return nil
	})
}

// checkNotes collects what is noted to be cut out.
func (c *rowCheck) checkNotes() error {
	return c.eachOf(tableNotes, "notes of deleted ranges", func(k, v []byte) error {
		r := keyRange{bytes.Clone(k[1:]), bytes.Clone(v)}
		if bytes.Compare(r.start, r.end) >= 0 || r.start[0] < tableWork {
			c.found(RowDamaged, fmt.Sprintf("note of a deleted range %x", k), "is not a range of members or rejects")
			return nil
		}
		c.due = append(c.due, r)
		return nil
	})
}

// checkTables looks for keys that are of no table.
func (c *rowCheck) checkTables() error {
	known := []byte{
		tableSequence, tableSecrets, tableBinding, tableJobs, tableLists, tableListNames,
		tableListOrder, tableTokens, tableDeletedLists, tableNotes, tableSetAside, tableWork, tableUniqueKeys, tableMembers,
	}
	for _, x := range jobIndexes {
		known = append(known, x.table)
	}
	slices.Sort(known)
	var from []byte // not an empty key, which Pebble does not take for no bound
	read := *c      // of a damaged table every range says the same
	var last Finding
	read.report = func(f Finding) {
		if f.Problem != last.Problem || f.Row != last.Row {
			c.report(f)
		}
		last = f
	}
	for _, table := range append(known, 0xff) {
		err := read.each(keyRange{from, []byte{table}}, "rows of no table", func(k, _ []byte) error {
			c.foundAt(RowUnknown, fmt.Sprintf("row %s", digest(k)), [][]byte{bytes.Clone(k)}, "is of no known table")
			return nil
		})
		if err != nil {
			return err
		}
		from = []byte{table + 1}
	}
	n := int64(0)
	err := c.eachOf(tableSetAside, "rows set aside", func(_, _ []byte) error { n++; return nil })
	if n > 0 {
		c.found(RowsSetAside, "store", "%d rows that an earlier repair has set aside", n)
	}
	return err
}

// number remembers a number of a job or list.
func (c *rowCheck) number(numbers *[]uint64, n uint64, row string) {
	if n == 0 || n >= c.end {
		c.found(NumberWrong, row, "has the number %d, which is not given out yet", n)
	}
	*numbers = append(*numbers, n)
}

// checkOrphans looks for rows whose job or list does not exist.
func (c *rowCheck) checkOrphans() error {
	all := []struct {
		table  byte
		known  []uint64
		of, is string
	}{{tableWork, c.jobs, "job", "progress and rejects"}, {tableUniqueKeys, c.lists, "list", "unique keys"}, {tableMembers, c.lists, "list", "members"}}
	for _, t := range all {
		slices.Sort(t.known)
		for i := 1; i < len(t.known); i++ {
			if t.table != tableUniqueKeys && t.known[i] == t.known[i-1] {
				c.found(NumberWrong, t.of+"s", "the number %d belongs to more than one %s", t.known[i], t.of)
			}
		}
		if err := c.orphansOf(t.table, t.known, t.of, t.is); err != nil {
			return err
		}
	}
	return nil
}

func (c *rowCheck) orphansOf(table byte, known []uint64, of, is string) error {
	it, err := c.db.NewIter(&pebble.IterOptions{LowerBound: []byte{table}, UpperBound: []byte{table + 1}})
	if err != nil {
		return fmt.Errorf("read %s: %w", is, err)
	}
	defer it.Close()
	for ok := it.First(); ok; {
		if err := c.stop(); err != nil {
			return err
		}
		if len(it.Key()) < memberPrefixLen {
			c.foundAt(RowUnknown, fmt.Sprintf("row %s", digest(it.Key())), [][]byte{bytes.Clone(it.Key())}, "has no number in its key")
			ok = it.Next()
			continue
		}
		n := binary.BigEndian.Uint64(it.Key()[1:])
		if _, is := slices.BinarySearch(known, n); !is && !c.isDue(it.Key()) {
			c.found(RowsOrphaned, fmt.Sprintf("%s number %d", of, n), "there is no such %s, but rows of it", of)
		}
		next := after(it.Key()[:memberPrefixLen])
		ok = it.SeekGE(next)
	}
	if err := it.Error(); err != nil {
		c.found(RowUnreadable, is, "cannot be read: %v", err)
	}
	return nil
}

func (c *rowCheck) isDue(key []byte) bool {
	return slices.ContainsFunc(c.due, func(r keyRange) bool {
		return bytes.Compare(r.start, key) <= 0 && bytes.Compare(key, r.end) < 0
	})
}

// digest names a key that must not be shown.
func digest(key []byte) string {
	sum := sha256.Sum256(key)
	return fmt.Sprintf("sha256:%x", sum[:8])
}

func jobName(k jobKey) string {
	return fmt.Sprintf("job %s (account %s, region %s)", printable(string(k.id)), printable(k.owner.Account), printable(k.owner.Region))
}

func listName(r store.ListRef) string {
	return fmt.Sprintf("%s %s (account %s, region %s)", printable(string(r.Kind)), printable(r.ID), printable(r.Owner.Account), printable(r.Owner.Region))
}

// printable quotes a name that would not print as it is: it may come from a damaged row.
func printable(s string) string {
	if q := fmt.Sprintf("%+q", s); q[1:len(q)-1] != s || s == "" {
		return q
	}
	return s
}

var errBadKey = errors.New("the key is damaged")

// splitOwner is the way back from ownerPrefix.
func splitOwner(k []byte) (o job.Owner, rest []byte, err error) {
	account, rest, ok := cutField(k[1:])
	if !ok {
		return o, nil, errBadKey
	}
	region, rest, ok := cutField(rest)
	if !ok {
		return o, nil, errBadKey
	}
	return job.Owner{Account: account, Region: region}, rest, nil
}

// splitKind is the way back from kindPrefix.
func splitKind(k []byte) (r store.ListRef, rest []byte, err error) {
	o, rest, err := splitOwner(k)
	if err != nil {
		return r, nil, err
	}
	kind, rest, ok := cutField(rest)
	if !ok {
		return r, nil, errBadKey
	}
	return store.ListRef{Owner: o, Kind: job.Kind(kind)}, rest, nil
}
