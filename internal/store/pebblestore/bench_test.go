package pebblestore_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

const batchRows = 256 << 10

// address appends the i-th address. They are all different, of different lengths,
// and in no order.
func address(b []byte, i uint64) []byte {
	x := i * 0x9e3779b97f4a7c15
	x ^= x >> 29
	names := [...]string{"anna", "j.smith", "info", "maria.g", "office", "kontakt.", "bo", "the.user"}
	hosts := [...]string{"example.com", "mail.example.org", "gmx.example.net", "example.co.uk"}
	b = append(b, names[x%8]...)
	b = strconv.AppendUint(b, i*2654435761%100_000_007, 10)
	b = append(b, '@')
	return append(b, hosts[x/8%4]...)
}

// fillBatch makes b the batch of n addresses from the given one on.
func fillBatch(b *store.Batch, from, n uint64) {
	b.Reset()
	b.At = time.Unix(1_700_000_000, 0)
	var key, value [64]byte
	rec := record.Record{Fields: make([]record.Field, 2)}
	for i := from; i < from+n; i++ {
		rec.Fields[0].Bytes = address(key[:0], i)
		rec.Fields[1].Bytes = append(value[:0], "BOUNCE"...)
		b.Put(&rec, rec.Fields[0].Bytes, rec.Fields[1].Bytes)
	}
	b.Through = record.Position{Record: int64(from + n), Line: int64(from + n), Offset: int64(from+n) * 40}
}

// importing is a store in a directory on disk, with a list and a job that is leased.
func importing(b *testing.B) (s *pebblestore.Store, dir string, r store.ListRef, l job.Lease) {
	dir = b.TempDir()
	s, err := pebblestore.Open(dir, pebblestore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	o := job.Owner{Account: "111111111111", Region: "eu-west-1"}
	r = store.ListRef{Owner: o, Kind: job.Suppression, ID: "l"}
	if _, err := s.CreateList(b.Context(), store.List{Ref: r, Name: "l"}, store.Once{}, 0); err != nil {
		b.Fatal(err)
	}
	_, err = s.CreateJob(b.Context(), job.Job{
		ID: "j", Owner: o, Wire: job.SESv2, State: job.Created, Ready: true,
		Destination: job.Destination{Kind: r.Kind, List: r.ID, Action: job.Put},
	}, store.Once{}, 0)
	if err != nil {
		b.Fatal(err)
	}
	j, _, err := s.Claim(b.Context(), store.Wanted{Holder: "w", Lease: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	return s, dir, r, j.Lease
}

// BenchmarkBatch prepares and commits one batch on one core.
func BenchmarkBatch(b *testing.B) {
	for _, n := range []uint64{10, 1 << 10, 4 << 10, 8 << 10, 16 << 10, batchRows} {
		b.Run(strconv.FormatUint(n, 10), func(b *testing.B) {
			s, _, _, l := importing(b)
			var batch store.Batch
			next := uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				fillBatch(&batch, next, n)
				next += n
				b.StartTimer()
				p, err := s.Prepare(b.Context(), l, &batch)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.Commit(b.Context(), l, p); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(next)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkImport is the store's part of a whole import: two goroutines prepare, the
// commits are in order. What filling the batches costs is taken off.
func BenchmarkImport(b *testing.B) {
	for _, millions := range []uint64{1, 10, 30} {
		b.Run(fmt.Sprintf("%dM", millions), func(b *testing.B) {
			for b.Loop() {
				importRows(b, millions*1_000_000)
			}
		})
	}
}

const preparers = 2

func importRows(b *testing.B, rows uint64) {
	b.StopTimer()
	s, dir, r, l := importing(b)
	b.StartTimer()
	began, cpu := time.Now(), cpuSeconds()
	filling := runPipeline(b, s, l, rows)
	wall := time.Since(began)
	b.StopTimer()
	own := wall.Seconds() - filling.Seconds()/preparers
	b.ReportMetric(float64(rows)/own, "rows/s")
	b.ReportMetric((cpuSeconds()-cpu-filling.Seconds())/float64(rows)*1e9, "cpu-ns/row")
	b.ReportMetric(peakMiB(), "peak-MiB")
	b.ReportMetric(float64(diskBytes(dir))/float64(rows), "disk-B/row")
	readMembers(b, s, r, rows)
	b.StartTimer()
}

func runPipeline(b *testing.B, s *pebblestore.Store, l job.Lease, rows uint64) (filling time.Duration) {
	var turn, mu sync.Mutex
	cond := sync.NewCond(&turn)
	committed, next := uint64(0), uint64(0)
	var all sync.WaitGroup
	for range preparers {
		all.Go(func() {
			var batch store.Batch
			for {
				mu.Lock()
				from := next
				n := min(batchRows, rows-from)
				next += n
				mu.Unlock()
				if n == 0 {
					return
				}
				t := time.Now()
				fillBatch(&batch, from, n)
				took := time.Since(t)
				p, err := s.Prepare(b.Context(), l, &batch)
				if err != nil {
					b.Error(err)
					return
				}
				turn.Lock()
				for committed != from {
					cond.Wait()
				}
				_, err = s.Commit(b.Context(), l, p)
				committed += n
				filling += took
				cond.Broadcast()
				turn.Unlock()
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return filling
}

// readMembers reports what reading one member costs, right after an import.
func readMembers(b *testing.B, s *pebblestore.Store, r store.ListRef, rows uint64) {
	const n = 20_000
	for _, c := range []struct {
		name string
		add  uint64
	}{{"get-ns", 0}, {"miss-ns", 1 << 40}} {
		began := time.Now()
		for i := range uint64(n) {
			key := string(address(nil, i*7919%rows)) + strings.Repeat("x", int(c.add>>40))
			if _, err := s.Member(b.Context(), r, key); (err != nil) != (c.add > 0) {
				b.Fatal(key, err)
			}
		}
		b.ReportMetric(float64(time.Since(began).Nanoseconds())/n, c.name)
	}
}

// BenchmarkMember reads members when all is quiet.
func BenchmarkMember(b *testing.B) {
	s, _, r, l := importing(b)
	const rows = 2_000_000
	runPipeline(b, s, l, rows)
	i := uint64(0)
	for b.Loop() {
		i++
		if _, err := s.Member(b.Context(), r, string(address(nil, i*7919%rows))); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkListMembers looks through a list for members that are not there.
func BenchmarkListMembers(b *testing.B) {
	s, _, r, l := importing(b)
	const rows = 2_000_000
	runPipeline(b, s, l, rows)
	none := store.MemberFilter{Match: func(store.Member) bool { return false }}
	b.ReportAllocs()
	for b.Loop() {
		if page, next, err := s.ListMembers(b.Context(), r, none, store.Page{Limit: 100}); err != nil || len(page) > 0 || next != "" {
			b.Fatal(len(page), next, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/member")
}

func cpuSeconds() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// peakMiB is the process's largest resident size, and begins anew with each call
// where the system lets it.
func peakMiB() float64 {
	runtime.GC()
	status, _ := os.ReadFile("/proc/self/status")
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib float64
	_, _ = fmt.Sscan(rest, &kib)
	return kib / 1024
}

func diskBytes(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if info, infoErr := d.Info(); err == nil && infoErr == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}
