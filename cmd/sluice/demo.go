package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// What the demo imports: so many rows, of which so many are bad.
const (
	demoRows = 1_000_000
	demoBad  = 1_000
)

func newDemo() *cobra.Command {
	var rows int
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Import a million addresses on a throw-away server",
		Long: `Start a server on a temporary directory, make a file of a million addresses with a
thousand bad rows among them, import it through the API as any client would, and show
what came of it. Everything is removed at the end.`,
		Example: `  sluice demo
  sluice demo --rows 10000000`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if rows < demoBad {
				return usageError{fmt.Errorf("rows: %d is less than %d", rows, demoBad)}
			}
			return demo(cmd, rows)
		},
	}
	cmd.Flags().IntVar(&rows, "rows", demoRows, "how many rows to import")
	return cmd
}

func demo(cmd *cobra.Command, rows int) error {
	dir, err := os.MkdirTemp("", "sluice-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "addresses.csv")
	if err := writeDemoFile(path, rows); err != nil {
		return err
	}
	f, err := openFile(cmd.Context(), path, "CSV", nil)
	if err != nil {
		return err
	}
	defer f.close()
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "made a file of %s addresses (%.1f MB), %s of them bad in ten different ways\n",
		grouped(int64(rows)), float64(f.size)/1e6, grouped(demoBad))
	err = withServer(cmd, filepath.Join(dir, "data"), func(ctx context.Context, t clientConfig) error {
		fmt.Fprintf(out, "server on %s, data in %s\n", t.URL, filepath.Join(dir, "data"))
		c, err := t.client()
		if err != nil {
			return err
		}
		c.s3 = "" // what is set there is meant for another server
		return importDemo(ctx, c, f, rows, newWatcher(cmd, false, false))
	})
	if ctx := cmd.Context(); ctx.Err() != nil {
		return &interruptedError{signalOf(ctx), "interrupted; the demo's server and files are removed"}
	}
	return err
}

// withServer runs a server on an empty directory while do uses it.
func withServer(cmd *cobra.Command, data string, do func(context.Context, clientConfig) error) error {
	noEnv := func(string) string { return "" } // what is set there is meant for another server
	c := config{data: data}
	c.flags(pflag.NewFlagSet("", pflag.ContinueOnError)) // the defaults
	c.data, c.listen, c.logLevel = data, "127.0.0.1:0", "error"
	if err := c.check(noEnv); err != nil {
		return err
	}
	limitMemory(os.Getenv)

	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, c, nil, noEnv, io.Discard, cmd.ErrOrStderr()) }()
	t, err := awaitTarget(data, noEnv, ended)
	if err == nil {
		err = do(ctx, t)
	}
	stop()
	return errors.Join(err, <-ended)
}

// awaitTarget waits until the server on a directory has said where it is; if it has
// ended instead, its error is put back for who waits for it.
func awaitTarget(data string, getenv func(string) string, ended chan error) (clientConfig, error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if t, err := findClientConfig(data, defaultRegion, getenv); err == nil {
			return t, nil
		}
		select {
		case err := <-ended:
			ended <- err
			return clientConfig{}, errors.New("the server did not start")
		case <-tick.C:
		}
	}
}

// importDemo runs the import and shows counts and the first rows of the report.
func importDemo(ctx context.Context, c *client, f *openedFile, rows int, w *watcher) error {
	fmt.Fprintln(w.out, "import into address-list/demo: create list and job, PUT the file to the job's link, start")
	dst := &addressList{listName{kind: "address-list", ref: "demo"}}
	if err := dst.find(ctx, c, true); err != nil {
		return err
	}
	upload := f.file
	upload.open = func() io.Reader { return w.uploading(f.open(), f.size) }
	id, err := dst.start(ctx, c, &upload)
	if err != nil {
		return err
	}
	var ended *jobError
	ask := func(ctx context.Context) (progress, error) { return dst.progress(ctx, c, id) }
	if err := w.watch(ctx, c, id, ask); !errors.As(err, &ended) || ended.code != exitRejects {
		return fmt.Errorf("the import should have completed with some rejected records: %w", err)
	}
	p, err := ask(ctx)
	if err != nil {
		return err
	}
	if p.Imported+p.Rejected != int64(rows) || p.Rejected != demoBad {
		return fmt.Errorf("counted %d imported and %d rejected, want %d and %d", p.Imported, p.Rejected, rows-demoBad, demoBad)
	}
	return showReport(ctx, c, w.out, id, 10)
}

// showReport prints the first rows of a job's report.
func showReport(ctx context.Context, c *client, out io.Writer, id string, most int) error {
	report, err := c.report(ctx, id, nil)
	if err != nil {
		return err
	}
	defer report.Close()
	in := csv.NewReader(report)
	fmt.Fprintln(out, "the first rejected records, as \"sluice report\" prints them:")
	for i := range most + 1 {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("read the report: %w", err)
		}
		if i == 0 {
			continue // the header: key, reason, code, line, offset, record
		}
		fmt.Fprintf(out, "  line %6s  %-28s %s\n", row[3], shorten(row[5], 28), row[1])
	}
	return nil
}

// shorten makes text printable and at most n characters long.
func shorten(text string, n int) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}

// badRows are ten ways in which a row of an address list can be wrong.
var badRows = [...]string{
	"nobody-at-all",
	"two@at@example.com",
	"@no-list@example.com",
	"empty-label@example..com",
	"spaces in@example.com",
	"*two*@example.com",
	"1*@example.com",
	"no-domain@",
	"-hyphen@-example.com",
	strings.Repeat("long", 90) + "@example.com",
}

// writeDemoFile writes a CSV of so many rows, with the bad ones spread evenly.
func writeDemoFile(path string, rows int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(out, "address")
	each, bad := rows/demoBad, 0
	for i := range rows {
		if i%each == each/2 && bad < demoBad {
			fmt.Fprintln(out, badRows[bad%len(badRows)])
			bad++
			continue
		}
		n := i * 611_953 % rows // a prime: every number once, in no order
		fmt.Fprintf(out, "user%07d@%s.example.com\n", n, demoHosts[n%len(demoHosts)])
	}
	return errors.Join(out.Flush(), f.Close())
}

var demoHosts = [...]string{"mail", "news", "shop", "post", "lists", "team", "app"}
