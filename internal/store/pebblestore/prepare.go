package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/diskspace"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// defaultBulk is from how many changes and rejects on a batch is written as files.
// Making, syncing and ingesting those takes some milliseconds, whatever is in them:
// 4 Ki changes are half as fast again through the log, 32 Ki a third slower.
const defaultBulk = 16 << 10

// bulkBytes is from how many bytes on it is, however few its changes and rejects: a Pebble
// batch is copied into the log and into memory.
const bulkBytes = 4 << 20

// prepared is a batch on its way into the database.
type prepared struct {
	s       *Store
	lease   job.Lease
	job     uint64 // number of the job
	ref     store.ListRef
	list    uint64 // number of the list that it was prepared for
	through record.Position
	work    written
	used    bool
	// contested, if not nil, is written only when Commit knows what it comes to.
	contested *store.Batch
}

// written is what a batch comes to: either a Pebble batch or files.
type written struct {
	batch  *pebble.Batch
	files  []string
	counts job.Counts // what it adds
}

// Prepare implements store.Work.
func (s *Store) Prepare(ctx context.Context, l job.Lease, b *store.Batch) (store.Prepared, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := s.queue.held(l, time.Now()); err != nil {
		return nil, err
	}
	row, err := s.jobRow(s.db, jobKey{owner: l.Owner, id: l.Job})
	if err != nil {
		return nil, err
	}
	p := &prepared{s: s, lease: l, job: row.Number, through: b.Through, ref: targetOf(&row.Job)}
	if p.list, err = s.listNumber(p.ref); err != nil {
		return nil, err
	}
	if row.List != 0 && row.List != p.list {
		return nil, store.NoList(p.ref)
	}
	if destination.Claims(p.ref.Kind) && !b.Claims {
		return nil, errNoClaims
	}
	if b.Contested() {
		p.contested = new(store.Batch)
		p.contested.CopyFrom(b)
		return p, nil
	}
	f := s.folders.Get().(*folder)
	defer s.folders.Put(f)
	p.work, err = s.write(p, b, f, f.sort(b), nil)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Discard implements store.Prepared.
func (p *prepared) Discard() {
	if p.used {
		return
	}
	p.used = true
	p.contested = nil
	p.s.drop(p.work)
}

// drop frees what was written and not ingested. A file that stays is removed at Open.
func (s *Store) drop(w written) {
	if w.batch != nil {
		w.batch.Close()
	}
	for _, path := range w.files {
		_ = s.fs.Remove(path)
	}
}

// uncontested refuses nothing. Nobody writes to it.
var uncontested contest

// write writes the changes of b in the given order, its rejects, and its words. c, if
// not nil, tells which changes become rejects.
func (s *Store) write(p *prepared, b *store.Batch, f *folder, order []entry, c *contest) (written, error) {
	if c == nil {
		c = &uncontested
	}
	changes, rejects := b.Changes()-c.refused, b.Rejects()+c.refused
	w := written{counts: job.Counts{Imported: int64(changes), Rejected: int64(rejects)}}
	members := func(to target) error { return f.fold(b, order, p.list, c.why, to) }
	refusals := func(to target) error { return f.rejects(b, p.job, c.why, to) }
	if changes+rejects < s.bulk && b.Bytes() < bulkBytes {
		w.batch = s.db.NewBatch()
		if err := errors.Join(members(logged{w.batch}), refusals(logged{w.batch}), c.words.write(logged{w.batch})); err != nil {
			s.drop(w)
			return written{}, err
		}
		return w, nil
	}
	for _, part := range []struct {
		n     int
		write func(target) error
	}{{changes, members}, {rejects, refusals}, {c.words.changed(), c.words.write}} {
		if part.n == 0 {
			continue
		}
		path, err := s.writeFile(part.write)
		if err != nil {
			s.drop(w)
			return written{}, err
		}
		w.files = append(w.files, path)
	}
	return w, nil
}

// logged makes a Pebble batch a target.
type logged struct{ *pebble.Batch }

func (b logged) Set(key, value []byte) error   { return b.Batch.Set(key, value, nil) }
func (b logged) Merge(key, value []byte) error { return b.Batch.Merge(key, value, nil) }
func (b logged) Delete(key []byte) error       { return b.Batch.Delete(key, nil) }

// writeFile makes a file that can be ingested, and returns its path.
func (s *Store) writeFile(write func(target) error) (string, error) {
	if err := s.mayWrite(); err != nil {
		return "", err
	}
	path := s.fs.PathJoin(s.scratch, strconv.FormatUint(s.files.Add(1), 10)+".sst")
	f, err := s.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return "", fmt.Errorf("make scratch file: %w", diskspace.ToFault(err))
	}
	// Closing the writer syncs and closes the file.
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), s.opts.MakeWriterOptions(0, s.db.TableFormat()))
	if err := errors.Join(write(w), w.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("write scratch file: %w", diskspace.ToFault(err)), s.removeScratch(path))
	}
	return path, nil
}

func (s *Store) removeScratch(path string) error {
	if err := s.fs.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove scratch file: %w", err)
	}
	return nil
}

// rejects writes a batch's rejects, among them the refused changes, in the order of
// their records.
func (f *folder) rejects(b *store.Batch, number uint64, why []*record.Refusal, to target) error {
	prefix := len(rejectPrefix(number))
	f.key = append(f.key[:0], rejectPrefix(number)...)
	put := func(r destination.Reject) error {
		f.key = appendNumber(f.key[:prefix], uint64(r.Record))
		f.value = appendReject(f.value[:0], &r)
		return to.Set(f.key, f.value)
	}
	next := 0
	for c, refusal := range why {
		if refusal == nil {
			continue
		}
		late := b.RefuseChange(c, refusal)
		for ; next < b.Rejects() && b.Reject(next).Record < late.Record; next++ {
			if err := put(b.Reject(next)); err != nil {
				return fmt.Errorf("write reject: %w", err)
			}
		}
		if err := put(late); err != nil {
			return fmt.Errorf("write reject: %w", err)
		}
	}
	for ; next < b.Rejects(); next++ {
		if err := put(b.Reject(next)); err != nil {
			return fmt.Errorf("write reject: %w", err)
		}
	}
	return nil
}

var errNoClaims = errors.New("a batch for a list whose members have words must claim them")

var errUsed = fault.New(fault.Internal, "a prepared batch is committed once, by the store and for the job that prepared it")
