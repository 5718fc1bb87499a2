package admin

import (
	"context"
	"net/url"
	"path"
	"slices"
	"time"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// show returns one job as callers see it.
func (s *Service) show(ctx context.Context, j job.Job) (adminapi.Job, error) {
	v, err := s.newView(ctx, j)
	if err != nil {
		return adminapi.Job{}, err
	}
	return v.show(j), nil
}

// view shows jobs as they are at one moment.
type view struct {
	now     time.Time
	waiting string // why no job is worked on, if so
	names   map[store.ListRef]string
}

// newView returns the view for some jobs, with the names of their lists.
func (s *Service) newView(ctx context.Context, jobs ...job.Job) (*view, error) {
	v := &view{now: s.o.Now(), waiting: s.o.Waits(), names: map[store.ListRef]string{}}
	var ids []string
	for _, j := range jobs {
		if !slices.Contains(ids, j.Destination.List) {
			ids = append(ids, j.Destination.List)
		}
	}
	if len(ids) == 0 {
		return v, nil
	}
	lists, err := s.store.FindLists(ctx, jobs[0].Owner, ids...)
	if err != nil {
		return nil, err
	}
	for _, l := range lists {
		v.names[l.Ref] = l.Name
	}
	return v, nil
}

// show returns a job as callers see it.
func (v *view) show(j job.Job) adminapi.Job {
	waiting := v.waiting
	switch {
	case !j.Ready || j.State.Final():
		waiting = ""
	case waiting == "":
		waiting = string(j.Waiting.Reason)
	}
	list := store.ListRef{Owner: j.Owner, Kind: j.Destination.Kind, ID: j.Destination.List}
	shown := adminapi.Job{
		ID: string(j.ID), API: string(j.Wire), Name: j.Name, File: fileOf(j),
		List:   adminapi.List{Kind: string(list.Kind), ID: list.ID, Name: v.names[list]},
		Action: string(j.Destination.Action),
		Source: adminapi.Source{Bucket: j.Source.Bucket, Key: j.Source.Key, Size: j.Source.Size, Format: string(j.Source.Format)},
		State:  string(j.State),

		Processed: j.Counts.Imported + j.Counts.Rejected, Imported: j.Counts.Imported, Rejected: j.Counts.Rejected,
		BytesRead: j.Checkpoint.Offset,
		Created:   utc(j.Created), Started: utc(j.Started), Finished: utc(j.Finished), Seconds: v.seconds(j),
		Error: j.Error, Waiting: waiting, WaitingSince: utc(j.Waiting.Since), NextAttempt: utc(j.Waiting.Until),
		Attempts: j.Attempts, LastError: j.LastError, Tags: j.Tags,
	}
	if shown.Rejected > 0 {
		shown.Report = adminapi.Prefix + "jobs/" + url.PathEscape(shown.ID) + "/report"
	}
	return shown
}

func (v *view) seconds(j job.Job) float64 {
	end := j.Finished
	switch {
	case j.Started.IsZero():
		return 0
	case end.IsZero():
		end = v.now
	}
	return max(0, end.Sub(j.Started).Seconds())
}

// fileOf returns the name of a job's file. Only SES v2 reads objects that callers have
// named; with the other APIs a job may have been named after the file.
func fileOf(j job.Job) string {
	if j.Wire == job.SESv2 {
		return path.Base(j.Source.Key)
	}
	return j.Name
}

// utc returns t as a member of a reply, nil if it is zero.
func utc(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
