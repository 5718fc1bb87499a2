package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
)

// postgresRows is what one job imports into Postgres.
const postgresRows = 1_000_000

// BenchmarkPostgres measures imports into a PostgreSQL server, one, two and four at a
// time, beside the best load of the same file that one would write by hand: COPY to
// an unlogged table, then a sorted upsert. The server is set up as one would for this.
func BenchmarkPostgres(b *testing.B) {
	binary, err := filepath.Abs("../bin/sluice")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(binary); err != nil {
		b.Skip("bin/sluice is not built: make bench")
	}
	file := filepath.Join(b.TempDir(), "rows.csv")
	if err := writeRows(file, postgresRows); err != nil {
		b.Fatal(err)
	}
	db := pgtest.New(b, "fsync=on", "shared_buffers=512MB", "max_wal_size=8GB")
	for range 2 { // in turn, because the machine's speed drifts
		b.Run("by hand", func(b *testing.B) {
			for b.Loop() {
				if err := loadByHand(b.Context(), db.URL(b), file); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(postgresRows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
		for _, jobs := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("sluice/jobs=%d", jobs), func(b *testing.B) {
				for b.Loop() {
					importInto(b, binary, db.URL(b), file, jobs)
				}
				b.ReportMetric(float64(jobs)*postgresRows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}

// importInto runs so many jobs at once on a server whose lists are empty. Each imports
// the same file into a list of its own region.
func importInto(b *testing.B, binary, url, file string, jobs int) {
	b.StopTimer()
	s, err := startServer(b.Context(), binary, b.TempDir(), "--single-node", "--store", url, "--jobs", fmt.Sprint(jobs))
	if err != nil {
		b.Fatal(err)
	}
	defer s.stop()
	if _, err := s.putFile(b.Context(), file); err != nil {
		b.Fatal(err)
	}
	b.StartTimer()
	var wg sync.WaitGroup
	for i := range jobs {
		wg.Go(func() {
			at := *s
			at.region = fmt.Sprintf("test-region-%d", i)
			if _, err := at.importFile(b.Context(), postgresRows); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	if jobs == 1 {
		at := *s
		at.region = "test-region-0"
		perSecond, err := at.lookups(b.Context(), postgresRows)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(perSecond, "lookups/s")
	}
	b.StartTimer()
}

// loadByHand does what a good script would.
func loadByHand(ctx context.Context, url, file string) error {
	db, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := db.Exec(ctx, `
		DROP TABLE IF EXISTS rows, suppression;
		CREATE UNLOGGED TABLE rows (address text COLLATE "C", reason text);
		CREATE TABLE suppression (address text COLLATE "C" PRIMARY KEY, reason text, created timestamptz, updated timestamptz)`); err != nil {
		return err
	}
	if _, err := db.PgConn().CopyFrom(ctx, f, "COPY rows FROM STDIN (FORMAT csv)"); err != nil {
		return err
	}
	_, err = db.Exec(ctx, `INSERT INTO suppression SELECT address, reason, $1, $1 FROM rows ORDER BY address
		ON CONFLICT (address) DO UPDATE SET reason = excluded.reason, updated = excluded.updated`, time.Now())
	return err
}
