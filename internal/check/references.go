package check

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/report"
)

// settled is how long ago a job must have ended before what a running server does after
// that is missed.
const settled = time.Minute

// comparable reports whether references between store and objects can be judged.
func (c *Check) comparable() bool { return c.store != nil && c.objects != nil && !c.incomplete }

// recent reports whether a running server may still be at the end of a job.
func (c *Check) recent(j *job.Job) bool {
	return c.o.Snapshot != "" && time.Since(j.Finished) < settled
}

// checkHolds looks for sources that are held for nothing.
func (c *Check) checkHolds(context.Context) error {
	if !c.comparable() {
		return nil
	}
	return c.objects.Holds(func(holder, account string) error {
		if account == "" {
			return nil // its content is missing, which was found before
		}
		j, found, err := c.store.FindJob(account, job.ID(holder))
		switch {
		case err != nil:
			return err
		case !found:
			c.add(Finding{Code: HoldNoJob, Subject: "hold of job " + holder, Problem: "the job does not exist"}, repair{release: holder})
		case j != nil && j.State.Final() && !c.recent(j):
			c.add(Finding{Code: HoldFinalJob, Subject: "hold of job " + holder, Problem: "the job is " + string(j.State)}, repair{release: holder})
		}
		return nil
	})
}

// checkJobs looks for jobs whose source or report is gone.
func (c *Check) checkJobs(ctx context.Context) error {
	if !c.comparable() {
		return nil
	}
	return c.store.Jobs(ctx, func(j *job.Job) error {
		if j.Report != "" {
			name := object.Name{Account: j.Owner.Account, Bucket: reportBucket, Key: j.Report}
			if has, err := c.objects.Has(name); err != nil || !has {
				c.found(ReportMissing, "job "+string(j.ID), "its report %s does not exist", j.Report)
				return err
			}
		}
		if j.State != job.Processing || j.Source.Version == "" {
			return nil
		}
		name := object.Name{Account: j.Owner.Account, Bucket: j.Source.Bucket, Key: j.Source.Key}
		has, err := c.objects.HasVersion(name, j.Source.Version, string(j.ID))
		if err == nil && !has {
			c.found(SourceMissing, "job "+string(j.ID), "the bytes that it has to read are neither held nor stored")
		}
		return err
	})
}

// The reports of jobs, see package engine and its user node.
const (
	reportBucket = "sluice"
)

// checkReports looks for reports that no job names.
func (c *Check) checkReports(context.Context) error {
	if !c.comparable() {
		return nil
	}
	return c.objects.Keys(reportBucket, report.Prefix, func(account, key, contentType string) error {
		_, id, ok := report.ParseKey(account, key)
		if !ok || contentType != report.ContentType {
			return nil
		}
		name := object.Name{Account: account, Bucket: reportBucket, Key: key}
		j, found, err := c.store.FindJob(account, id)
		switch {
		case err != nil:
			return err
		case !found:
			c.add(Finding{Code: ReportNoJob, Subject: "report of job " + string(id), Problem: "the job does not exist"}, repair{delete: name})
		case j != nil && j.State.Final() && j.Report != key && !c.recent(j):
			c.add(Finding{Code: ReportUnnamed, Subject: "report of job " + string(id), Problem: "the job is " + string(j.State) + " and has no report"}, repair{delete: name})
		}
		return nil
	})
}
