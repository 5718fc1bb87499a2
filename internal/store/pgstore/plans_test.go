package pgstore

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
)

// EndedJobs stores what storetest.EndedJob returns for 1 to a number.
const EndedJobs = `INSERT INTO jobs (account, region, id, wire, name, kind, list, action,
	bucket, object, version, etag, size, format, state, ready, imported, created, started, finished, error, report, list_number)
	SELECT '111111111111', 'eu-west-1', 'job-' || lpad(n::text, 24, '0'), 'mailmanager', 'import', 'address-list', 'al-history', 'PUT',
	'sluice', 'uploads/job-' || n, 'v', 'e', 1048576, 'CSV', (ARRAY['completed', 'completed', 'failed', 'stopped'])[1 + n %% 4], false, 9,
	t, t, t + interval '1 second', '', 'reports/job-' || n, 7
	FROM generate_series(1, %d) AS n, LATERAL (SELECT timestamptz '2026-01-01T00:00:00Z' + n * interval '1 minute' AS t) AS at`

// OpenJobs stores jobs that wait.
const OpenJobs = `INSERT INTO jobs (account, region, id, wire, name, kind, list, action,
	bucket, object, version, etag, size, format, state, ready, waiting_since, created, started, error, report)
	SELECT '111111111111', 'eu-west-1', 'open-' || n, 'mailmanager', 'import', 'address-list', 'al-history', 'PUT',
	'sluice', 'uploads/open-' || n, 'v', 'e', 1048576, 'CSV', 'processing', true, now(), now(), now(), '', ''
	FROM generate_series(1 + (SELECT count(*) FROM jobs WHERE ready), (SELECT count(*) FROM jobs WHERE ready) + %d) AS n`

// PostponedJobs makes so many of the jobs that wait be postponed for a time, such as '1 hour'.
const PostponedJobs = `UPDATE jobs SET attempts = 3, wait_reason = 'object storage unavailable', wait_since = now(),
	wait_until = now() + interval '%s', avoid_holder = 'w', avoid_until = now() + interval '%[1]s'
	WHERE number IN (SELECT number FROM jobs WHERE ready ORDER BY number LIMIT %d)`

// readRows finds in a plan how many rows a step passed on or over.
var readRows = regexp.MustCompile(`(?:Rows Removed by Filter: |actual rows=)(\d+)`)

// TestPlans asks PostgreSQL how it does what is asked about jobs where many have ended:
// by an index that leads to the few that matter, and never by reading all. Those few came
// after the last statistics, as they always do.
func TestPlans(t *testing.T) {
	t.Parallel()
	ctx, url := context.Background(), pgtest.Start(t)
	s, err := Open(ctx, url, Options{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer s.Close()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer c.Close(ctx)
	const ended = 20_000
	for _, sql := range []string{fmt.Sprintf(EndedJobs, ended), "VACUUM ANALYZE jobs", fmt.Sprintf(OpenJobs, 100)} {
		if _, err := c.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	now := time.Now()
	const account, region = "111111111111", "eu-west-1"
	checkPlans(t, c, map[string]query{
		"claim":            {sqlClaim, []any{&now, int64(0), "w", false, "node", time.Minute}},
		"get":              {sqlJob, []any{account, region, "open-1"}},
		"waiting":          {sqlWaiting, []any{&now, int64(0), "w", false}},
		"counts":           {sqlJobCounts, []any{&now}},
		"unfinished":       {sqlUnfinished, []any{account, region, "mailmanager", 10}},
		"unfinished of":    {sqlUnfinishedOfList, []any{account, region, "address-list", "al-history", []string{"processing"}}},
		"deletable":        {sqlHasUnfinished, []any{account, region, "address-list", "al-history", int64(7)}},
		"jobs":             {sqlJobsFrom, []any{account, region, now, "", 50}},
		"unfinished jobs":  {sqlUnfinishedFrom, []any{account, region, dawn, "", 50}},
		"jobs of a list":   {sqlJobsOfListFrom, []any{account, region, dawn, "", 50, "other"}},
		"jobs of this one": {sqlJobsOfListFrom, []any{account, region, dawn, "", 50, "al-history"}},
		"jobs of an API":   {sqlJobsOfWireFrom, []any{account, region, dawn, "", 50, "sesv2"}},
		"ended jobs":       {sqlJobsInStateFrom, []any{account, region, dawn, "", 50, "failed"}},
		"ended of a list":  {sqlJobsOfListInStateFrom, []any{account, region, dawn, "", 50, "other", "failed"}},
		"ended of this":    {sqlJobsOfListInStateFrom, []any{account, region, dawn, "", 50, "al-history", "other"}},
		"newest jobs":      {sqlJobsBefore, []any{account, region, dusk, "", 50}},
		"newest behind":    {sqlJobsBefore, []any{account, region, time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC), "job", 50}},
		"newest open":      {sqlUnfinishedBefore, []any{account, region, dusk, "", 50}},
		"newest of a list": {sqlJobsOfListBefore, []any{account, region, dusk, "", 50, "other"}},
		"newest of this":   {sqlJobsOfListBefore, []any{account, region, dusk, "", 50, "al-history"}},
		"newest of an API": {sqlJobsOfWireBefore, []any{account, region, dusk, "", 50, "sesv2"}},
		"newest ended":     {sqlJobsInStateBefore, []any{account, region, dusk, "", 50, "failed"}},
		"ended in no way":  {sqlJobsInStateBefore, []any{account, region, dusk, "", 50, "other"}},
		"newest in state":  {sqlJobsOfListInStateBefore, []any{account, region, dusk, "", 50, "al-history", "failed"}},
		"newest in none":   {sqlJobsOfListInStateBefore, []any{account, region, dusk, "", 50, "al-history", "other"}},
		"give up leases":   {sqlGiveUpLeases, []any{&now, "node"}},
	})
}

// TestPlansWithPostponedJobs is TestPlans where thousands of jobs wait for their next
// attempt: who claims another job, or asks whether one waits, reads none of them.
func TestPlansWithPostponedJobs(t *testing.T) {
	t.Parallel()
	ctx, url := context.Background(), pgtest.Start(t)
	s, err := Open(ctx, url, Options{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer s.Close()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer c.Close(ctx)
	run := func(sql string) {
		t.Helper()
		if _, err := c.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	now := time.Now()
	check := func() {
		t.Helper()
		checkPlans(t, c, map[string]query{
			"claim":                 {sqlClaim, []any{&now, int64(0), "w", false, "node", time.Minute}},
			"claim a small one":     {sqlClaim, []any{&now, int64(1 << 20), "w", false, "node", time.Minute}},
			"claim none so small":   {sqlClaim, []any{&now, int64(1), "w", false, "node", time.Minute}},
			"waiting none so small": {sqlWaiting, []any{&now, int64(1), "w", false}},
			"claim a retry":         {sqlClaim, []any{&now, int64(0), "w", true, "node", time.Minute}},
			"waiting":               {sqlWaiting, []any{&now, int64(0), "w", false}},
			"waiting retry":         {sqlWaiting, []any{&now, int64(0), "w", true}},
		})
	}
	run("ALTER TABLE jobs SET (autovacuum_enabled = false)") // which would take statistics at any moment
	run(fmt.Sprintf(EndedJobs, 20_000))
	run("VACUUM ANALYZE jobs") // the last statistics are from before
	run(fmt.Sprintf(OpenJobs, 10_100))
	run(fmt.Sprintf(PostponedJobs, "1 hour", 10_000))
	run("VACUUM jobs") // the rows as they were before count as read; no statistics are taken
	check()
	run("VACUUM ANALYZE jobs")
	check()
	run("UPDATE jobs SET wait_until = NULL, avoid_until = NULL WHERE attempts > 0") // all of them are due at once
	run("VACUUM jobs")
	check()
	run(fmt.Sprintf(OpenJobs, 10_000))
	check()
	run("VACUUM ANALYZE jobs")
	check()
}

// query is a statement and its arguments.
type query struct {
	sql  string
	args []any
}

// checkPlans runs statements and expects that none of their steps reads many rows, or runs
// for each of them.
func checkPlans(t *testing.T, c *pgx.Conn, queries map[string]query) {
	t.Helper()
	ctx := context.Background()
	for name, q := range queries {
		for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
			if _, err := c.Exec(ctx, "SET plan_cache_mode = "+mode); err != nil {
				t.Fatal(err)
			}
			rows, err := c.Query(ctx, "EXPLAIN (ANALYZE, TIMING OFF) "+q.sql, q.args...)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			plan := strings.Join(lines, "\n")
			if strings.Count(plan, "loops=100") > 1 { // of reading a CTE, but of nothing else
				t.Errorf("%s with %s looks for something again for each job:\n%s", name, mode, plan)
			}
			for _, rows := range readRows.FindAllStringSubmatch(plan, -1) {
				if n, err := strconv.Atoi(rows[1]); err != nil || n > 200 {
					t.Errorf("%s with %s reads %s rows, want those that matter only:\n%s", name, mode, rows[1], plan)
				}
			}
		}
	}
}
