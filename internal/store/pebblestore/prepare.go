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
	list    listID // of the list that it was prepared for
	through record.Position
	work    written
	used    bool
	// batch, if not nil, needs a check: it is written when Commit knows what the list allows.
	batch *store.Batch
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
	if p.list, err = s.listID(p.ref); err != nil {
		return nil, err
	}
	if row.List != 0 && row.List != p.list.number {
		return nil, store.NoList(p.ref)
	}
	if p.list.uniqueKeys != b.UniqueKeys {
		return nil, errUniqueKeys
	}
	if b.NeedsCheck() {
		p.batch = b
		return p, nil
	}
	w := s.writers.Get().(*batchWriter)
	defer s.writers.Put(w)
	p.work, err = s.write(p, b, w, w.sort(b), &standing)
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
	p.batch = nil
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

// standing is the resolution of a batch that needs no check: it refuses nothing. Nobody
// writes to it.
var standing resolution

// write writes the changes of b in the given order, its rejects, and its unique keys.
func (s *Store) write(p *prepared, b *store.Batch, bw *batchWriter, order []entry, r *resolution) (written, error) {
	changes, rejects := b.Changes()-r.rejects, b.Rejects()+r.rejects
	w := written{counts: job.Counts{Imported: int64(changes), Rejected: int64(rejects)}}
	members := func(to sink) error { return bw.coalesce(b, order, p.list, r.refused, to) }
	refusals := func(to sink) error { return bw.rejects(b, p.job, r.refused, to) }
	if changes+rejects < s.bulk && b.Bytes() < bulkBytes {
		w.batch = s.db.NewBatch()
		if err := errors.Join(members(logged{w.batch}), refusals(logged{w.batch}), r.holders.write(logged{w.batch})); err != nil {
			s.drop(w)
			return written{}, err
		}
		return w, nil
	}
	for _, part := range []struct {
		n     int
		write func(sink) error
	}{{changes, members}, {rejects, refusals}, {r.holders.changed(), r.holders.write}} {
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

// logged makes a Pebble batch a sink.
type logged struct{ *pebble.Batch }

func (b logged) Set(key, value []byte) error   { return b.Batch.Set(key, value, nil) }
func (b logged) Merge(key, value []byte) error { return b.Batch.Merge(key, value, nil) }
func (b logged) Delete(key []byte) error       { return b.Batch.Delete(key, nil) }

// writeFile makes a file that can be ingested, and returns its path.
func (s *Store) writeFile(write func(sink) error) (string, error) {
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
func (w *batchWriter) rejects(b *store.Batch, number uint64, refused []*record.Refusal, to sink) error {
	prefix := len(rejectPrefix(number))
	w.key = append(w.key[:0], rejectPrefix(number)...)
	put := func(r record.Reject) error {
		w.key = appendNumber(w.key[:prefix], uint64(r.Record))
		w.value = appendReject(w.value[:0], &r)
		return to.Set(w.key, w.value)
	}
	next := 0
	for c, refusal := range refused {
		if refusal == nil {
			continue
		}
		late := b.RejectOf(c, refusal)
		for ; next < b.Rejects() && b.RejectAt(next).Record < late.Record; next++ {
			if err := put(b.RejectAt(next)); err != nil {
				return fmt.Errorf("write reject: %w", err)
			}
		}
		if err := put(late); err != nil {
			return fmt.Errorf("write reject: %w", err)
		}
	}
	for ; next < b.Rejects(); next++ {
		if err := put(b.RejectAt(next)); err != nil {
			return fmt.Errorf("write reject: %w", err)
		}
	}
	return nil
}

var errUsed = fault.New(fault.Internal, "a prepared batch is committed once, by the store and for the job that prepared it")
