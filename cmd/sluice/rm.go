package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func newRemove() *cobra.Command {
	var at connection
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rm JOB...",
		Short: "Delete import jobs that have ended; what they imported stays",
		Long: `Delete import jobs that have ended, of any API: the record of the job, the records it
rejected, its report, and the file that was uploaded for it, unless another job reads
that. What the job imported stays. Files in buckets of your own stay.

A job that has not ended is refused: stop it first. The server deletes jobs by itself
some time after their end, see --keep-jobs and --keep-files of serve.

If one of several jobs cannot be deleted, the others are deleted all the same, and the
exit code is 1.`,
		Example: `  sluice rm job-3qlenopx5xw66ewlx3phx7jz
  sluice stop job-3qlenopx5xw66ewlx3phx7jz && sluice rm job-3qlenopx5xw66ewlx3phx7jz
  sluice jobs --json --state failed --limit 0 | jq -r .id | xargs sluice rm`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := at.load(cmd); err != nil {
				return err
			}
			c, err := at.client()
			if err != nil {
				return err
			}
			var errs []error
			for _, id := range args {
				err := c.removeJob(cmd.Context(), id)
				errs = append(errs, err)
				switch {
				case asJSON:
					err = printJSON(cmd.OutOrStdout(), newDeletion(id, err))
				case err == nil:
					_, err = fmt.Fprintf(cmd.OutOrStdout(), "deleted job %s\n", id)
				default:
					continue
				}
				if err != nil { // of the output
					return err
				}
			}
			return errors.Join(errs...)
		},
	}
	at.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	return cmd
}

// deletion is what became of one job, as --json prints it.
type deletion struct {
	ID      string `json:"id"`
	Deleted bool   `json:"deleted"`
	Error   string `json:"error,omitempty"`
}

func newDeletion(id string, err error) deletion {
	if err != nil {
		return deletion{ID: id, Error: err.Error()}
	}
	return deletion{ID: id, Deleted: true}
}
