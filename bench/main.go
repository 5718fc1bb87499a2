// Command bench measures the figures that docs/operating.md quotes, on this machine,
// with the built server, in one run:
//
//	import     rows/s of a suppression import, from its start to COMPLETED, and the
//	           server's peak memory, side by side with sqlite3's .import of the same
//	           file into a table with a primary key
//	objects    MB/s of S3 PUT and GET
//	lookups    GetSuppressedDestination requests/s
//	contacts   rows/s of an import of contacts with attributes and five topics
//	small      from the start of an import of 1,000 addresses to COMPLETED, as a
//	           caller sees it who asks every millisecond
//
// The numbers of a shared machine drift; the ratios of one run hold.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

type options struct {
	binary string
	rows   int
	pairs  int
	dir    string

	contacts int
	small    int
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/sluice", "the built program")
	flag.IntVar(&o.rows, "rows", 10_000_000, "rows to import")
	flag.IntVar(&o.pairs, "pairs", 3, "how often Sluice and sqlite3 are measured, in turn; 0 leaves sqlite3 out and measures once")
	flag.IntVar(&o.contacts, "contacts", 3_000_000, "contacts to import; 0 leaves them out")
	flag.IntVar(&o.small, "small", 50, "imports of 1,000 addresses; 0 leaves them out")
	flag.StringVar(&o.dir, "dir", "", "where files go (default: a temporary directory)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.pairs > 0 {
		if _, err := exec.LookPath("sqlite3"); err != nil {
			return errors.New("sqlite3 is not installed: apt-get install sqlite3, or -pairs 0")
		}
	}
	dir, err := os.MkdirTemp(o.dir, "sluice-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "rows.csv")
	if err := writeRows(file, o.rows); err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	fmt.Printf("%d rows, %.0f MB, %d cores, %s\n\n", o.rows, float64(info.Size())/1e6, runtime.NumCPU(), runtime.Version())

	if err := measurePairs(ctx, o, dir, file); err != nil {
		return err
	}
	if o.contacts > 0 {
		if err := measureContacts(ctx, o.binary, dir, o.contacts); err != nil {
			return err
		}
	}
	if o.small > 0 {
		return measureSmall(ctx, o.binary, dir, o.small)
	}
	return nil
}

// measurePairs imports the file by Sluice and by sqlite3 in turn, and compares them.
func measurePairs(ctx context.Context, o options, dir, file string) error {
	var own, theirs []float64
	for i := range max(o.pairs, 1) {
		last := i == max(o.pairs, 1)-1
		rate, err := measureServer(ctx, o.binary, filepath.Join(dir, fmt.Sprint("data", i)), file, o.rows, last)
		if err != nil {
			return err
		}
		own = append(own, rate)
		if o.pairs == 0 {
			break
		}
		if rate, err = measureSQLite(ctx, filepath.Join(dir, fmt.Sprint("sqlite", i)), file, o.rows); err != nil {
			return err
		}
		theirs = append(theirs, rate)
	}
	if len(theirs) > 0 {
		ratios := make([]float64, len(own))
		for i := range own {
			ratios[i] = own[i] / theirs[i]
		}
		fmt.Printf("\nmedian of %d: sluice %.0f rows/s, sqlite3 %.0f rows/s, ratio %.1f (pair by pair %.1f)\n",
			len(own), median(own), median(theirs), median(ratios), ratios)
	}
	return nil
}

func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// measureSQLite returns the rows/s of sqlite3's own import into a keyed table.
func measureSQLite(ctx context.Context, db, file string, rows int) (float64, error) {
	defer os.Remove(db)
	began := time.Now()
	cmd := exec.CommandContext(ctx, "sqlite3", db,
		"create table suppression (address text primary key, reason text) without rowid;",
		".mode csv", fmt.Sprintf(".import %s suppression", file))
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("sqlite3: %w: %s", err, out)
	}
	took := time.Since(began)
	rate := float64(rows) / took.Seconds()
	fmt.Printf("sqlite3   import %8.2f s  %9.0f rows/s\n", took.Seconds(), rate)
	return rate, nil
}
