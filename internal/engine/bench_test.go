package engine_test

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

// BenchmarkImport imports two million rows, in no order and with a bad one in every
// thousand, from an object on disk into a store on disk.
func BenchmarkImport(b *testing.B) {
	const n = 2_000_000
	var text strings.Builder
	line := make([]byte, 0, 64)
	for i := range uint64(n) {
		line = append(line[:0], "user"...)
		line = strconv.AppendUint(line, i*0x9e3779b97f4a7c15>>20, 36) // scattered, and no two the same
		if i%1000 != 7 {
			line = append(line, '@')
		}
		line = append(line, "mail"...)
		line = strconv.AppendUint(line, i%997, 10)
		line = append(line, ".example.com,BOUNCE\n"...)
		text.Write(line)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		b.StopTimer()
		im := newImport(b, text.String())
		b.StartTimer()
		im.run(b)
		b.StopTimer()
		im.close(b)
		b.StartTimer()
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

type importing struct {
	store   *pebblestore.Store
	objects *diskobject.Store
}

func newImport(b *testing.B, text string) *importing {
	b.Helper()
	dir := b.TempDir()
	s, err := pebblestore.Open(dir+"/store", pebblestore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	o, err := diskobject.Open(dir+"/objects", diskobject.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := o.Put(b.Context(), source("j1"), "text/csv", strings.NewReader(text)); err != nil {
		b.Fatal(err)
	}
	l := store.List{Ref: listRef(destination.Suppression), Name: "suppression"}
	if _, err := s.CreateList(b.Context(), l, store.Once{}, 0); err != nil {
		b.Fatal(err)
	}
	if _, err := s.CreateJob(b.Context(), readyJob("j1"), store.Once{}, 0); err != nil {
		b.Fatal(err)
	}
	return &importing{store: s, objects: o}
}

func (im *importing) run(b *testing.B) {
	b.Helper()
	seen := newJournal()
	e := engine.New(im.store, im.objects, engine.Options{Logger: slog.New(seen)})
	ctx, cancel := context.WithCancel(b.Context())
	go func() {
		seen.await("job completed", "j1", 1)
		cancel()
	}()
	if err := e.Run(ctx); err != nil {
		b.Fatal(err)
	}
	j, err := im.store.Job(b.Context(), owner, "j1")
	if err != nil || j.State != job.Completed || j.Counts != (job.Counts{Imported: 1_998_000, Rejected: 2000}) {
		b.Fatalf("job is %s, %+v, %v", j.State, j.Counts, err)
	}
}

func (im *importing) close(b *testing.B) {
	b.Helper()
	if err := im.objects.Close(); err != nil {
		b.Fatal(err)
	}
	if err := im.store.Close(); err != nil {
		b.Fatal(err)
	}
}
