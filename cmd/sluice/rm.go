package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

func newRemove() *cobra.Command {
	var at connection
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
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := at.client(cmd)
			if err != nil {
				return err
			}
			var errs []error
			for _, id := range args {
				if err := c.rest(cmd.Context(), ownAPI, http.MethodDelete, ownPath+"/"+url.PathEscape(id), nil, nil); err != nil {
					errs = append(errs, err)
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "deleted job %s\n", id)
			}
			return errors.Join(errs...)
		},
	}
	at.flags(cmd)
	return cmd
}
