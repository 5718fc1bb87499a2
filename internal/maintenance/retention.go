package maintenance

import (
	"context"
	"slices"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
)

// jobsPage is how many jobs are asked for at a time.
const jobsPage = 200

// deleteJobs deletes jobs that ended some time ago.
func (m *Maintenance) deleteJobs(ctx context.Context, t *tally) (more bool, err error) {
	if m.o.KeepJobs <= 0 {
		return false, nil
	}
	before := m.o.Now().Add(-m.o.KeepJobs)
	skipped := map[skippedJob]bool{}
	for t.count < int64(m.most) {
		limit := jobsPage + len(skipped)
		jobs, err := m.store.EndedJobs(ctx, before, limit)
		if err != nil {
			return false, err
		}
		jobs = slices.DeleteFunc(jobs, func(j job.Job) bool { return skipped[skippedJob{j.Owner, j.ID}] })
		if len(jobs) == 0 {
			return false, nil
		}
		for _, j := range jobs {
			bytes, err := DeleteJob(ctx, m.store, m.objects, m.o.Bucket, j)
			if err == nil {
				t.add(1, bytes)
				continue
			}
			skipped[skippedJob{j.Owner, j.ID}] = true
			if fault.Is(err, fault.NotFound) { // another server or the caller deleted it
				continue
			}
			if err := t.skip(j.Source.Key, err); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// skippedJob is a job that a round has tried to delete and that may still be there.
type skippedJob struct {
	owner job.Owner
	id    job.ID
}

// DeleteJob deletes a job that is final with everything that is its own: rejections,
// report, what is held for it, and the file that was uploaded for it, unless another job
// reads that. It returns how many bytes the report and the file had. A job that is not
// final is fault.Conflict.
//
// The job goes last: if it is interrupted before, it can be repeated.
func DeleteJob(ctx context.Context, s Store, objects Objects, bucket string, j job.Job) (bytes int64, err error) {
	if !j.State.Final() {
		return 0, fault.New(fault.Conflict, "job %s is %s and cannot be deleted: stop it first", j.ID, j.State)
	}
	remove := func(n object.Name) error {
		i, err := objects.Stat(ctx, n)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		bytes += i.Size
		return objects.Delete(ctx, n)
	}
	if j.Report != "" {
		if err := remove(object.Name{Account: j.Owner.Account, Bucket: bucket, Key: j.Report}); err != nil {
			return 0, err
		}
	}
	if j.Source.Bucket == bucket && isUpload(j.Source.Key) {
		use, err := s.SourceUse(ctx, j.Owner.Account, bucket, j.Source.Key)
		if err != nil {
			return 0, err
		}
		if use.Jobs <= 1 {
			if err := remove(object.Name{Account: j.Owner.Account, Bucket: bucket, Key: j.Source.Key}); err != nil {
				return 0, err
			}
		}
	}
	if err := objects.Release(ctx, string(j.ID)); err != nil {
		return 0, err
	}
	return bytes, s.DeleteJob(ctx, j.Owner, j.ID)
}
