package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// Exit codes of import and job --watch, beside those of every command.
const (
	exitRejects    = 3 // completed, but records were rejected
	exitJobFailed  = 4
	exitJobStopped = 5
)

// jobError says that a job did not end as one would wish, and is an exit code.
type jobError struct {
	code  int
	text  string
	empty bool // the job left nothing: no records were imported or rejected
}

func (e *jobError) Error() string { return e.text }

func (e *jobError) exitCode() int { return e.code }

func newImport() *cobra.Command {
	var at connection
	var to, action, format string
	var wait time.Duration
	var asJSON, quiet, create bool
	cmd := &cobra.Command{
		Use:   "import FILE --to DESTINATION",
		Short: "Upload a file, import it, and watch until it is done",
		Long: `Upload a file, start an import of it, watch its progress, and print how it ended.

FILE is CSV or JSON, as it is or packed with gzip or zstd. DESTINATION is one of

  address-list/NAME      an address list of SES Mail Manager
  contact-list/NAME      a contact list of SES v2
  quick-responses/NAME   a knowledge base of Connect Wisdom; CSV only
  suppression            the account's suppression list of SES v2

NAME may also be the id of a list, as "sluice jobs" shows it. With --create a list or
knowledge base is created if there is none of the name, a contact list without topics;
it is deleted again if the import fails before it imported anything. Quick responses are
only added: a row whose name or shortcut key exists already is rejected.

Exit codes: 0 all records were imported; 3 completed, but some were rejected (see
"sluice report"); 4 the job failed; 5 it was stopped; 2 usage; 130 interrupted; 1
anything else.

Files for SES v2 go through S3: the server's own, or the one that AWS_ENDPOINT_URL_S3
names, into the bucket "sluice".

If the server goes away during the import, this command waits for it up to --wait: the
job goes on when the server does. To interrupt this command during the upload stops the
job; later the job goes on: see "sluice stop".`,
		Example: `  sluice import partners.csv --to address-list/partners --create
  sluice import friends.csv --to contact-list/friends
  sluice import answers.csv --to quick-responses/support
  sluice import bounces.csv.gz --to suppression
  sluice import comeback.csv --to suppression --action DELETE
  sluice import partners.json --to address-list/partners --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dst, err := newImporter(to, action)
			if err == nil && create && action == "DELETE" {
				err = errors.New("create: there is nothing to delete from a new list")
			}
			if err != nil {
				return usageError{err}
			}
			c, err := at.client(cmd)
			if err != nil {
				return err
			}
			return importFile(cmd.Context(), c, dst, args[0], format, create, newWatcher(cmd, asJSON, quiet, wait))
		},
	}
	at.flags(cmd)
	cmd.Flags().StringVar(&to, "to", "", "`destination`: "+destinations)
	cmd.Flags().StringVar(&action, "action", "PUT", "`what` to do with the members: PUT, or DELETE (contact-list and suppression)")
	cmd.Flags().StringVar(&format, "format", "", "`format` of the file: CSV or JSON (default by its name, or its first byte)")
	cmd.Flags().BoolVar(&create, "create", false, "create the list if there is none of the name")
	waitFlag(cmd, &wait)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the outcome as one JSON object, and no progress")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print no progress")
	return cmd
}

// importFile is the import command after its flags are read.
func importFile(ctx context.Context, c *client, dst importer, path, format string, create bool, w *watcher) error {
	f, err := openFile(path, format)
	if err != nil {
		return err
	}
	defer f.close()
	if err := dst.find(ctx, c, create); err != nil {
		return err
	}
	upload := f.file
	upload.body = w.uploading(f.body, f.size)
	id, err := dst.start(ctx, c, &upload)
	if err != nil {
		return w.abandon(ctx, c, dst, id, err)
	}
	ask := func(ctx context.Context) (progress, error) { return dst.progress(ctx, c, id) }
	err = w.watch(ctx, c, id, ask)
	var ended *jobError
	if errors.As(err, &ended) && ended.empty {
		w.discard(ctx, c, dst)
	}
	return err
}

// cleanUpTime is how long an interrupted command takes at most to leave nothing behind.
const cleanUpTime = 10 * time.Second

// abandon cleans up after an upload that did not succeed: it stops the job, if one was
// created, and deletes the list if this command created it. It returns what to say of cause.
func (w *watcher) abandon(ctx context.Context, c *client, dst importer, id string, cause error) error {
	interrupted := ctx.Err() != nil
	text := cause.Error()
	if interrupted {
		text = "interrupted during the upload"
	}
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	if id != "" {
		// The API of Mail Manager does not stop jobs that were not started.
		_, err := c.stopJob(clean, id)
		switch {
		case err == nil:
			text += fmt.Sprintf("; job %s is stopped, nothing was imported", id)
		default:
			text += fmt.Sprintf("; job %s was created and could not be stopped: sluice stop %s", id, id)
		}
	}
	w.discard(clean, c, dst)
	if interrupted {
		return &interruptedError{signalOf(ctx), text}
	}
	return fmt.Errorf("%w%s", cause, strings.TrimPrefix(text, cause.Error()))
}

// discard deletes the list again if the command created it.
func (w *watcher) discard(ctx context.Context, c *client, dst importer) {
	removed, err := dst.discard(ctx, c)
	switch {
	case err != nil:
		fmt.Fprintln(w.errs, "sluice: the list that was created for this import could not be deleted:", err)
	case removed && !w.quiet:
		fmt.Fprintln(w.errs, "deleted the list again that was created for this import")
	}
}

// openedFile is a file on disk that is to be imported.
type openedFile struct {
	file
	close func() error
}

func openFile(path, format string) (*openedFile, error) {
	fd, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := fd.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err == nil && format == "" {
		format, err = guessFormat(path, fd)
	}
	format = strings.ToUpper(format)
	if err == nil && format != "CSV" && format != "JSON" {
		err = usageError{fmt.Errorf("format: %q is not one of CSV, JSON", format)}
	}
	if err != nil {
		fd.Close()
		return nil, err
	}
	return &openedFile{file{name: filepath.Base(path), format: format, size: info.Size(), body: fd}, fd.Close}, nil
}

// guessFormat tells the format by the file's name, and without a telling name by
// whether its text begins like JSON.
func guessFormat(path string, fd io.ReaderAt) (string, error) {
	name := strings.ToLower(path)
	for _, packed := range []string{".gz", ".zst"} {
		name = strings.TrimSuffix(name, packed)
	}
	switch filepath.Ext(name) {
	case ".csv", ".txt":
		return "CSV", nil
	case ".json", ".jsonl", ".ndjson":
		return "JSON", nil
	}
	head := make([]byte, 512)
	n, err := fd.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	text := strings.TrimLeft(strings.TrimPrefix(string(head[:n]), "\ufeff"), " \t\r\n")
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
		return "JSON", nil
	}
	return "CSV", nil
}

// outcome is how an import ended, as --json prints it.
type outcome struct {
	Job     string  `json:"job"`
	State   string  `json:"state"`
	*counts         // nil if nobody tells
	Seconds float64 `json:"seconds"`
	Error   string  `json:"error,omitempty"`
	Report  string  `json:"report,omitempty"` // a link to it, where there are no counts
}

type counts struct {
	Imported      int64   `json:"imported"`
	Rejected      int64   `json:"rejected"`
	RowsPerSecond float64 `json:"rowsPerSecond"`
}

func newOutcome(id string, p progress, took time.Duration) outcome {
	o := outcome{Job: id, State: p.State, Error: p.Error, Seconds: took.Seconds()}
	if p.Uncounted {
		o.Report = p.Report
		return o
	}
	o.counts = &counts{Imported: p.Imported, Rejected: p.Rejected}
	if took > 0 {
		o.RowsPerSecond = float64(p.Imported+p.Rejected) / took.Seconds()
	}
	return o
}

// String is the outcome for people.
func (o outcome) String() string {
	text := fmt.Sprintf("%s  job %s: ", o.State, o.Job)
	if o.counts == nil {
		return text + fmt.Sprintf("in %.2f s", o.Seconds)
	}
	return text + fmt.Sprintf("%s imported, %s rejected, in %.2f s (%s rows/s)",
		grouped(o.Imported), grouped(o.Rejected), o.Seconds, grouped(int64(o.RowsPerSecond)))
}

// exit returns the error, if any, that says how the job ended.
func (o outcome) exit() error {
	p := progress{State: o.State}
	switch {
	case p.stopped():
		return &jobError{code: exitJobStopped, text: "job " + o.Job + " was stopped"}
	case !p.completed():
		return &jobError{exitJobFailed, "job " + o.Job + " failed: " + o.why(), o.counts != nil && o.Imported+o.Rejected == 0}
	case o.counts != nil && o.Rejected > 0:
		return &jobError{code: exitRejects, text: o.why()}
	case o.Report != "":
		return &jobError{code: exitRejects, text: o.why()}
	}
	return nil
}

// why says what went wrong, or where to read it.
func (o outcome) why() string {
	switch {
	case o.Error != "":
		return o.Error
	case o.counts != nil && o.Rejected > 0:
		return fmt.Sprintf("%s rejected; see: sluice report %s", records(o.Rejected), o.Job)
	case o.Report != "":
		return "records were rejected; their report: " + o.Report
	case o.counts != nil && o.Imported == 0:
		return "the file has no records"
	}
	return "the endpoint does not say why"
}

// records says how many records were something.
func records(n int64) string {
	if n == 1 {
		return "1 record was"
	}
	return grouped(n) + " records were"
}

// grouped writes a number with commas between thousands.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
