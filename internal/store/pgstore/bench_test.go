package pgstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
	"github.com/sluicehq/sluice/internal/store/storetest"
)

const (
	benchBatches = 4
	benchRows    = 256 << 10 // of a batch
	benchValue   = "newsletter"
)

// addresses returns different addresses in no order.
func addresses(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("user%d@mail%d.example.com", i, i%997)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, k int) { all[i], all[k] = all[k], all[i] })
	return all
}

// durable runs a server as it is when installed, but for the memory that everybody
// gives it.
func durable(b *testing.B) string {
	return pgtest.New(b, "fsync=on", "shared_buffers=512MB", "max_wal_size=4GB").URL(b)
}

// BenchmarkImport measures Prepare and Commit of batches, one after the other, into a
// new list; with "again" all members are there already.
func BenchmarkImport(b *testing.B) {
	s := open(b, durable(b), pgstore.Options{})
	defer s.Close()
	l := started(b, s, theList, 10*time.Hour)
	all := addresses(benchBatches * benchRows)
	batches := make([]store.Batch, benchBatches)
	for i := range batches {
		var texts []string
		for _, address := range all[i*benchRows : (i+1)*benchRows] {
			texts = append(texts, "put "+address+" "+benchValue)
		}
		batches[i].At = time.Now()
		storetest.Fill(&batches[i], record.Position{}, texts...)
	}
	load := func(b *testing.B) {
		var preparing time.Duration
		for b.Loop() {
			for i := range batches {
				start := time.Now()
				p, err := s.Prepare(ctx, l, &batches[i])
				if err != nil {
					b.Fatalf("Prepare: %v", err)
				}
				preparing += time.Since(start)
				if _, err := s.Commit(ctx, l, p); err != nil {
					b.Fatalf("Commit: %v", err)
				}
			}
		}
		rate(b, len(all))
		b.ReportMetric(preparing.Seconds()/b.Elapsed().Seconds()*100, "%preparing")
	}
	b.Run("new", load)
	b.Run("again", load)
}

func rate(b *testing.B, rows int) {
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkByHand measures what to compare BenchmarkImport with: the same rows, loaded
// at once as somebody would who knows the database well.
func BenchmarkByHand(b *testing.B) {
	c, err := pgx.Connect(ctx, durable(b))
	if err != nil {
		b.Fatalf("connect: %v", err)
	}
	defer c.Close(ctx)
	run := func(b *testing.B, sql string) {
		b.Helper()
		if _, err := c.Exec(ctx, sql); err != nil {
			b.Fatalf("%s: %v", sql, err)
		}
	}
	run(b, `CREATE TABLE members (list bigint, created timestamptz NOT NULL, updated timestamptz NOT NULL,
		key text COLLATE "C", value bytea NOT NULL, PRIMARY KEY (list, key))`)
	all := addresses(benchBatches * benchRows)
	value := []byte(benchValue)
	load := func(b *testing.B) {
		var copying time.Duration
		for b.Loop() {
			start := time.Now()
			run(b, `CREATE UNLOGGED TABLE loading (key text COLLATE "C", value bytea)`)
			rows := pgx.CopyFromSlice(len(all), func(i int) ([]any, error) { return []any{all[i], value}, nil })
			if _, err := c.CopyFrom(context.Background(), pgx.Identifier{"loading"}, []string{"key", "value"}, rows); err != nil {
				b.Fatalf("CopyFrom: %v", err)
			}
			copying += time.Since(start)
			run(b, `INSERT INTO members SELECT 1, now(), now(), key, value FROM loading ORDER BY key
				ON CONFLICT (list, key) DO UPDATE SET value = excluded.value, updated = excluded.updated`)
			run(b, `DROP TABLE loading`)
		}
		rate(b, len(all))
		b.ReportMetric(copying.Seconds()/b.Elapsed().Seconds()*100, "%copying")
	}
	b.Run("new", load)
	b.Run("again", load)
}

// BenchmarkListMembers measures how fast a listing passes over members: with a filter
// that finds one in 100,000, and with none, in pages of 1,000.
func BenchmarkListMembers(b *testing.B) {
	s := open(b, pgtest.New(b, "shared_buffers=512MB").URL(b), pgstore.Options{})
	defer s.Close()
	l := started(b, s, theList, time.Hour)
	all := addresses(benchBatches * benchRows)
	var at record.Position
	for i := range benchBatches {
		var texts []string
		for k, address := range all[i*benchRows : (i+1)*benchRows] {
			value := benchValue
			if k%100_000 == 0 {
				value = "rare"
			}
			texts = append(texts, "put "+address+" "+value)
		}
		if _, err := s.Commit(ctx, l, prepare(b, s, l, at, texts...)); err != nil {
			b.Fatalf("Commit: %v", err)
		}
		at.Record += benchRows
	}
	for name, match := range map[string]func(store.Member) bool{
		"rare": func(m store.Member) bool { return string(m.Value) == "rare" },
		"all":  nil,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				for after, end := "", false; !end; end = after == "" {
					var err error
					_, after, err = s.ListMembers(ctx, theList, store.MemberFilter{Match: match}, store.Page{After: after, Limit: 1000})
					if err != nil {
						b.Fatalf("ListMembers: %v", err)
					}
				}
			}
			rate(b, len(all))
		})
	}
}

// BenchmarkMember measures lookups, by as many callers as there are processors.
func BenchmarkMember(b *testing.B) {
	s := open(b, pgtest.Start(b), pgstore.Options{})
	defer s.Close()
	l := started(b, s, theList, time.Hour)
	all := addresses(100_000)
	var texts []string
	for _, address := range all {
		texts = append(texts, "put "+address+" "+benchValue)
	}
	if _, err := s.Commit(ctx, l, prepare(b, s, l, record.Position{}, texts...)); err != nil {
		b.Fatalf("Commit: %v", err)
	}
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := s.Member(ctx, theList, all[rand.IntN(len(all))]); err != nil {
				b.Errorf("Member: %v", err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lookups/s")
}
