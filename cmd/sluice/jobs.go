package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/sigv4"
)

const ownPath = adminapi.Prefix + "jobs"

// ownProgress is what Sluice's own API tells of a job, in the words of AWS's.
func ownProgress(j adminapi.Job) progress {
	return progress{State: strings.ToUpper(j.State), Imported: j.Imported, Rejected: j.Rejected, Error: j.Error, Waiting: j.Waiting}
}

// ownJob asks for one job.
func (c *client) ownJob(ctx context.Context, id string) (adminapi.Job, error) {
	var j adminapi.Job
	err := c.rest(ctx, ownAPI, http.MethodGet, ownPath+"/"+url.PathEscape(id), nil, &j)
	return j, inRegion(c, err)
}

// stopJob stops a job, whether it was started or not.
func (c *client) stopJob(ctx context.Context, id string) (adminapi.Job, error) {
	var j adminapi.Job
	err := c.rest(ctx, ownAPI, http.MethodPost, ownPath+"/"+url.PathEscape(id)+"/stop", nil, &j)
	return j, inRegion(c, err)
}

// removeJob deletes a job that has ended.
func (c *client) removeJob(ctx context.Context, id string) error {
	return inRegion(c, c.rest(ctx, ownAPI, http.MethodDelete, ownPath+"/"+url.PathEscape(id), nil, nil))
}

// inRegion adds to the error of a job that is not there in which region it was looked for.
func inRegion(c *client, err error) error {
	if isAPIError(err, "NotFound") {
		return fmt.Errorf("%w; looked in region %s, see --region", err, c.region)
	}
	return err
}

func newJob() *cobra.Command {
	var at connection
	var asJSON, watch bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "job ID",
		Short: "Show one import job, or watch it until it has ended",
		Example: `  sluice job job-3qlenopx5xw66ewlx3phx7jz
  sluice job --watch job-3qlenopx5xw66ewlx3phx7jz`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := at.load(cmd); err != nil {
				return err
			}
			c, err := at.client()
			if err != nil {
				return err
			}
			if watch {
				w := newWatcher(cmd, asJSON, false)
				c.reconnect = &reconnector{wait: wait, notes: w.errs}
				if j, err := c.ownJob(cmd.Context(), args[0]); err != nil {
					return err
				} else if j.State == string(job.Created) && j.API == string(job.MailManager) {
					return fmt.Errorf("job %s was never started, so there is nothing to watch; to remove it: %s", j.ID, c.command("stop", j.ID))
				}
				ask := func(ctx context.Context) (progress, error) {
					j, err := c.ownJob(ctx, args[0])
					return ownProgress(j), err
				}
				return w.watch(cmd.Context(), c, args[0], ask)
			}
			j, err := c.ownJob(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return printJob(cmd.OutOrStdout(), j, asJSON)
		},
	}
	at.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	waitFlag(cmd, &wait)
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show its progress until it has ended; exit codes as of import")
	return cmd
}

func printJob(out io.Writer, j adminapi.Job, asJSON bool) error {
	if asJSON {
		return printJSON(out, j)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, value string) { fmt.Fprintf(table, "%s\t%s\n", name, printableText(value)) }
	row("job", j.ID)
	row("api", j.API)
	if j.Name != "" {
		row("name", j.Name)
	}
	row("list", listText(j.List))
	row("action", j.Action)
	row("from", fmt.Sprintf("s3://%s/%s (%s)", j.Source.Bucket, j.Source.Key, j.Source.Format))
	row("state", j.State)
	if j.Waiting != "" {
		row("waiting", waitingText(j))
	}
	if j.LastError != "" {
		row("last error", j.LastError)
	}
	if j.Error != "" {
		row("error", j.Error)
	}
	row("imported", grouped(j.Imported))
	row("rejected", grouped(j.Rejected))
	if j.Source.Size > 0 {
		row("read", fmt.Sprintf("%s of %s bytes", grouped(j.BytesRead), grouped(j.Source.Size)))
	}
	for _, t := range []struct {
		name string
		at   *time.Time
	}{{"created", j.Created}, {"started", j.Started}, {"finished", j.Finished}} {
		if t.at != nil {
			row(t.name, timeText(*t.at)+", "+ageText(time.Since(*t.at))+" ago")
		}
	}
	if j.Started != nil {
		row("took", durationText(seconds(j.Seconds)))
	}
	return table.Flush()
}

// timeText writes a time in the local zone, and says which that is.
func timeText(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 -07:00") }

// listText writes a list as --to of import takes it, and its ID.
func listText(l adminapi.List) string {
	switch {
	case l.Kind == l.ID:
		return l.Kind
	case l.Name == "":
		return l.Kind + "/" + l.ID + " (deleted)"
	case l.Name == l.ID:
		return l.Kind + "/" + l.Name
	}
	return l.Kind + "/" + l.Name + " (" + l.ID + ")"
}

// waitingText says why a job waits, since when, and when it is tried again.
func waitingText(j adminapi.Job) string {
	text := j.Waiting
	if j.WaitingSince != nil {
		text += " since " + timeText(*j.WaitingSince)
	}
	if j.Attempts > 0 && j.NextAttempt != nil {
		text += fmt.Sprintf("; %s attempts without progress, the next from %s", grouped(int64(j.Attempts)), j.NextAttempt.Local().Format(time.TimeOnly))
	}
	return text
}

func newStop() *cobra.Command {
	var at connection
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "stop ID",
		Short: "Stop an import job of any API; what it imported stays",
		Example: `  sluice stop job-3qlenopx5xw66ewlx3phx7jz
  sluice stop job-3qlenopx5xw66ewlx3phx7jz --json | jq .imported`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := at.load(cmd); err != nil {
				return err
			}
			c, err := at.client()
			if err != nil {
				return err
			}
			j, err := c.stopJob(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJob(cmd.OutOrStdout(), j, true)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "stopped job %s: %s imported, %s rejected\n", j.ID, grouped(j.Imported), grouped(j.Rejected))
			return nil
		},
	}
	at.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the job as one JSON object")
	return cmd
}

func newReport() *cobra.Command {
	var at connection
	var file, safe string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "report ID",
		Short: "Print the records that a job rejected, as CSV",
		Long: `Print the records that a job rejected, as CSV: the member's key as it stood there, the
reason, its code, line and byte offset in the file, and the record itself. A job
that still runs is reported as far as it has come. To open it in Excel or another
spreadsheet, take --safe excel: what it would take for a formula, or for another
character set, is then a text.`,
		Example: `  sluice report job-3qlenopx5xw66ewlx3phx7jz
  sluice report job-3qlenopx5xw66ewlx3phx7jz --safe excel -o rejected.csv
  sluice report job-3qlenopx5xw66ewlx3phx7jz -o rejected.csv`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := at.load(cmd); err != nil {
				return err
			}
			c, err := at.client()
			if err != nil {
				return err
			}
			query := url.Values{}
			switch safe = strings.ToLower(safe); {
			case safe != "" && safe != "excel":
				return usageError{fmt.Errorf("safe: %s is not excel", quoteValue(safe))}
			case safe != "" && asJSON:
				return usageError{errors.New("safe, json: JSON is no form for spreadsheets")}
			case safe != "":
				query.Set("safe", safe)
			case asJSON:
				query.Set("format", "json")
			}
			report, err := c.report(cmd.Context(), args[0], query)
			if err != nil {
				return err
			}
			defer report.Close()
			out := cmd.OutOrStdout()
			if file != "" {
				fd, err := os.Create(file)
				if err != nil {
					return err
				}
				defer fd.Close()
				out = fd
			}
			_, err = io.Copy(out, report)
			return err
		},
	}
	at.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per record")
	cmd.Flags().StringVar(&safe, "safe", "", "`form` for a spreadsheet: excel guards formulas and marks the text as UTF-8")
	cmd.Flags().StringVarP(&file, "output", "o", "", "write to this `file`")
	return cmd
}

// report asks for a job's report, in the form that a query selects; the caller closes it.
func (c *client) report(ctx context.Context, id string, query url.Values) (io.ReadCloser, error) {
	path := ownPath + "/" + url.PathEscape(id) + "/report"
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	resp, err := c.send(ctx, ownAPI, http.MethodGet, path, nil, nil, 0, sigv4.EmptyPayload)
	if err != nil {
		return nil, inRegion(c, err)
	}
	return resp.Body, nil
}
