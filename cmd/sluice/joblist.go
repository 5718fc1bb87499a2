package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/internal/api/adminapi"
)

var (
	jobStates = []string{"created", "processing", "completed", "failed", "stopped"}
	jobAPIs   = []string{"mailmanager", "sesv2", "qconnect"}
)

// pageSize is how many jobs are asked for at a time at most.
const pageSize = 500

// ownJobs calls each with the jobs that the query selects, newest first, up to a limit
// unless that is 0, and reports whether there are more.
func (c *client) ownJobs(ctx context.Context, query url.Values, limit int, each func(json.RawMessage, adminapi.Job) error) (more bool, err error) {
	for n := 0; ; {
		query.Set("limit", strconv.Itoa(pageSize))
		if limit > 0 {
			query.Set("limit", strconv.Itoa(min(pageSize, limit-n+1))) // one more says whether there are more
		}
		var page struct {
			Jobs []json.RawMessage `json:"jobs"`
			Next string            `json:"next"`
		}
		if err := c.rest(ctx, ownAPI, http.MethodGet, ownPath+"?"+query.Encode(), nil, &page); err != nil {
			return false, err
		}
		for _, raw := range page.Jobs {
			if n == limit && limit > 0 {
				return true, nil
			}
			n++
			var j adminapi.Job
			if err := json.Unmarshal(raw, &j); err != nil {
				return false, err
			}
			if err := each(raw, j); err != nil {
				return false, err
			}
		}
		if page.Next == "" {
			return false, nil
		}
		query.Set("next", page.Next)
	}
}

// jobQuery is which jobs the command lists, as flags say it.
type jobQuery struct {
	limit  int
	states []string
	list   string
	api    string
}

// values returns the query for the server.
func (q *jobQuery) values() (url.Values, error) {
	for i, s := range q.states {
		if q.states[i] = strings.ToLower(s); !slices.Contains(jobStates, q.states[i]) {
			return nil, fmt.Errorf("state: %s is not one of %s", quoteValue(s), strings.Join(jobStates, ", "))
		}
	}
	if q.api = strings.ToLower(q.api); q.api != "" && !slices.Contains(jobAPIs, q.api) {
		return nil, fmt.Errorf("api: %s is not one of %s", quoteValue(q.api), strings.Join(jobAPIs, ", "))
	}
	if q.limit < 0 {
		return nil, errors.New("limit: must be at least 1, or 0 for all")
	}
	v := url.Values{"state": q.states}
	if q.list != "" {
		v.Set("list", q.list)
	}
	if q.api != "" {
		v.Set("api", q.api)
	}
	return v, nil
}

// selects says in words what was asked for, empty for all.
func (q *jobQuery) selects() string {
	text := ""
	if len(q.states) > 0 {
		text += " that are " + strings.Join(q.states, " or ")
	}
	if q.list != "" {
		text += " into list " + q.list
	}
	if q.api != "" {
		text += " of the API " + q.api
	}
	return text
}

func newJobs() *cobra.Command {
	var at connection
	var q jobQuery
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "List the import jobs of all APIs, newest first",
		Long: `List the import jobs of all APIs, newest first: into which list, from which file, how
many records were rejected of those that were processed, how long ago the job was
created, and how long it has run. Below a job stands why it failed or waits.

Jobs belong to a region: see --region.`,
		Example: `  sluice jobs
  sluice jobs --state created,processing
  sluice jobs --list partners --limit 100
  sluice jobs --state failed --limit 0 --json | jq -r .error`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := at.load(cmd); err != nil {
				return err
			}
			query, err := q.values()
			if err != nil {
				return usageError{err}
			}
			c, err := at.client()
			if err != nil {
				return err
			}
			return listJobs(cmd, c, &q, query, asJSON)
		},
	}
	at.flags(cmd)
	cmd.Flags().IntVarP(&q.limit, "limit", "n", 20, "`number` of jobs at most, 0 for all")
	cmd.Flags().StringSliceVar(&q.states, "state", nil, "only jobs in this `state`: "+strings.Join(jobStates, ", "))
	cmd.Flags().StringVar(&q.list, "list", "", "only jobs into this `list`: its name or id, or either as --to of import takes it")
	cmd.Flags().StringVar(&q.api, "api", "", "only jobs of this `API`: "+strings.Join(jobAPIs, ", "))
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	return cmd
}

// listJobs is the jobs command after its flags are read.
func listJobs(cmd *cobra.Command, c *client, q *jobQuery, query url.Values, asJSON bool) error {
	out, shown := cmd.OutOrStdout(), 0
	now, table := time.Now(), newJobTable(tableWidth)
	more, err := c.ownJobs(cmd.Context(), query, q.limit, func(raw json.RawMessage, j adminapi.Job) error {
		shown++
		if asJSON {
			_, err := fmt.Fprintf(out, "%s\n", raw)
			return err
		}
		table.add(j, now)
		return nil
	})
	if q.list != "" && isAPIError(err, "NotFound") {
		if near := meantBy(cmd.Context(), c, q.list); len(near) > 0 {
			return fmt.Errorf("%w; did you mean %s?", err, strings.Join(near, " or "))
		}
	}
	if err != nil {
		return inRegion(c, err)
	}
	if !asJSON && shown > 0 {
		if err := table.write(out); err != nil {
			return err
		}
	}
	switch {
	case shown == 0 && !asJSON:
		_, err = fmt.Fprintf(cmd.ErrOrStderr(), "no jobs%s in region %s\n", q.selects(), c.region)
	case more:
		_, err = fmt.Fprintf(cmd.ErrOrStderr(), "There are older jobs. To see more: --limit %d, or --limit 0 for all.\n", 5*q.limit)
	}
	return err
}
