package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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

FILE is CSV or JSON, as it is or packed with gzip or zstd. DESTINATION is one of these; below
each are the columns of CSV. JSON objects have members of these names, but for the topics:
topicPreferences is an array.

  address-list/NAME      an address list of SES Mail Manager
      address
  contact-list/NAME      a contact list of SES v2; a record replaces the whole contact
      emailAddress,unsubscribeAll,attributesData,topicPreferences.TOPIC
  quick-responses/NAME   a knowledge base of Connect Wisdom; CSV only
      name,content,contentType,shortcutKey,description,channels,language,isActive,
      routingProfiles,groupingCriteria,groupingValues
  suppression            the account's suppression list of SES v2; CSV without a header
      emailAddress,reason (BOUNCE or COMPLAINT)

A header names the columns, in any order. Only address, emailAddress, reason, name and
content must be there. docs/formats.md in the source has examples of each.

NAME may also be the id of a list, as "sluice jobs" shows it. With --create a list or
knowledge base is created if there is none of the name, a contact list without topics;
it is deleted again if the import fails before it imported anything. Quick responses are
only added: a row whose name or shortcut key exists already is rejected.

Exit codes: 0 all records were imported; 3 completed, but some were rejected (see
"sluice report"); 4 the job failed; 5 it was stopped; 2 usage; 130 interrupted; 1
anything else.

Files for SES v2 go through S3: the server's own, or the one that AWS_ENDPOINT_URL_S3
names, into the bucket "sluice".

If the server goes away, such as for a restart, this command waits for it up to --wait and
goes on: an upload begins again, and a job that runs goes on by itself. To interrupt this
command during the upload removes the job; later the job goes on: see "sluice stop".

FILE may be "-" for standard input, or a pipe. That is copied into a temporary file first.`,
		Example: `  sluice import partners.csv --to address-list/partners --create
  sluice import friends.csv --to contact-list/friends
  sluice import answers.csv --to quick-responses/support
  sluice import bounces.csv.gz --to suppression
  sluice import comeback.csv --to suppression --action DELETE
  sluice import partners.json --to address-list/partners --json
  zcat bounces.csv.gz | sluice import - --to suppression`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			repeat := commandOf(cmd, args)
			if err := at.load(cmd); err != nil {
				return err
			}
			action = strings.ToUpper(action)
			dst, err := newImporter(to, action)
			if err == nil && create && action == "DELETE" {
				err = errors.New("create: there is nothing to delete from a new list")
			}
			if err != nil {
				return usageError{err}
			}
			c, err := at.client()
			if err != nil {
				return err
			}
			w := newWatcher(cmd, asJSON, quiet)
			c.reconnect = &reconnector{wait: wait, notes: w.errs}
			f, err := openFile(cmd.Context(), args[0], format, cmd.InOrStdin())
			if err != nil {
				return err
			}
			defer f.close()
			if !f.again {
				repeat += "   (with the same input)"
			}
			return importFile(cmd.Context(), c, dst, &f.file, create, w, repeat)
		},
	}
	at.flags(cmd)
	cmd.Flags().StringVar(&to, "to", "", "`destination`: "+destinations)
	cmd.Flags().StringVar(&action, "action", "PUT", "`what` to do with the members: PUT, or DELETE (contact-list and suppression)")
	cmd.Flags().StringVar(&format, "format", "", "`format` of the file: CSV or JSON (default by its name, or its first byte)")
	cmd.Flags().BoolVar(&create, "create", false, "create the list if there is none of the name")
	waitFlag(cmd, &wait)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the job, once it has ended, as one JSON object, and no progress")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print no progress")
	return cmd
}

// importFile is the import command after its flags are read. repeat is its command line.
func importFile(ctx context.Context, c *client, dst importer, f *file, create bool, w *watcher, repeat string) error {
	if err := dst.find(ctx, c, create); err != nil {
		return w.abandon(ctx, c, dst, "", err, repeat)
	}
	w.jobInfo = dst.jobInfo()
	w.jobInfo.file = f.name
	upload := *f
	upload.open = func() io.Reader { return w.uploading(f.open(), f.size) }
	id, err := dst.start(ctx, c, &upload)
	if err != nil {
		return w.abandon(ctx, c, dst, id, err, repeat)
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

// abandon cleans up after an import that did not begin: it removes the job, if one was
// created, and deletes the list if this command created it. If the server is away, it says
// how to go on. It returns what to say of cause.
func (w *watcher) abandon(ctx context.Context, c *client, dst importer, id string, cause error, repeat string) error {
	var away *awayError
	if errors.As(cause, &away) && ctx.Err() == nil {
		return fmt.Errorf("%w\n%s", cause, goOn(c, id, cause, repeat))
	}
	c = c.once()
	interrupted := ctx.Err() != nil
	text := cause.Error()
	if interrupted {
		text = "interrupted before the import began"
	}
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	if id != "" {
		// The API of Mail Manager does not stop jobs that were not started.
		_, err := c.stopJob(clean, id)
		removed := err == nil && c.removeJob(clean, id) == nil
		switch {
		case removed:
			text += fmt.Sprintf("; job %s is removed, nothing was imported", id)
		case err == nil:
			text += fmt.Sprintf("; job %s is stopped, nothing was imported", id)
		default:
			text += fmt.Sprintf("; job %s was created and could not be stopped: %s", id, c.command("stop", id))
		}
	}
	w.discard(clean, c, dst)
	if interrupted {
		return &interruptedError{signalOf(ctx), text}
	}
	return fmt.Errorf("%w%s", cause, strings.TrimPrefix(text, cause.Error()))
}

// goOn says what to do about an import that did not begin before the server went away.
func goOn(c *client, id string, cause error, repeat string) string {
	var uncertain *uncertainError
	maybe := errors.As(cause, &uncertain)
	switch {
	case maybe && id != "":
		return fmt.Sprintf("Job %s may have been started. When the server is back:\n  %s\nIf it was not started, remove it and import again:\n  %s\n  %s",
			id, c.command("job", id, "--watch"), c.command("stop", id), repeat)
	case maybe:
		return fmt.Sprintf("The job may have been created. When the server is back, look for it:\n  %s\nIf it is not there, import again:\n  %s",
			c.command("jobs"), repeat)
	case id != "":
		return fmt.Sprintf("Nothing was imported. When the server is back:\n  %s\n  %s", c.command("stop", id), repeat)
	}
	return fmt.Sprintf("Nothing was imported. When the server is back:\n  %s", repeat)
}

// commandOf returns the command line of a command, as a shell takes it.
func commandOf(cmd *cobra.Command, args []string) string {
	line := []string{program(), cmd.Name()}
	for _, arg := range args {
		line = append(line, shellArgument(arg))
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		option := "--" + f.Name
		switch {
		case f.Value.Type() != "bool":
			option += " " + shellArgument(f.Value.String())
		case f.Value.String() != "true":
			option += "=" + f.Value.String()
		}
		line = append(line, option)
	})
	return strings.Join(line, " ")
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

// outcome is how an import ended.
type outcome struct {
	Job     string
	State   string // as the API spells it
	*counts        // nil if the API has none
	Seconds float64
	Error   string
	Report  string // a link to it, where there are no counts
	command string // that prints the rejected records
}

type counts struct {
	Imported, Rejected int64
	RowsPerSecond      float64
}

func newOutcome(id string, p progress, took time.Duration) outcome {
	o := outcome{Job: id, State: p.State, Error: p.Error}
	if p.Uncounted {
		o.Report = p.Report
	} else {
		o.counts = &counts{Imported: p.Imported, Rejected: p.Rejected}
	}
	o.setTook(took)
	return o
}

// setTook sets how long the import took.
func (o *outcome) setTook(took time.Duration) {
	o.Seconds = took.Seconds()
	if o.counts != nil && took > 0 {
		o.RowsPerSecond = float64(o.Imported+o.Rejected) / took.Seconds()
	}
}

// String is the outcome for people.
func (o outcome) String() string {
	text := fmt.Sprintf("%s  job %s: ", stateName(o.State), o.Job)
	if o.counts == nil {
		return text + "in " + durationText(seconds(o.Seconds))
	}
	text += fmt.Sprintf("%s imported, %s rejected, in %s", grouped(o.Imported), grouped(o.Rejected), durationText(seconds(o.Seconds)))
	if o.Seconds >= speedAfter.Seconds() { // else it is the rate of asking, or of nothing much
		text += fmt.Sprintf(" (%s rows/s)", grouped(int64(o.RowsPerSecond)))
	}
	return text
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
		return fmt.Sprintf("%s rejected; see: %s", records(o.Rejected), o.command)
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
