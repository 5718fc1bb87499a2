// Package report owns the reports of jobs: where a report is, what it is called, and its
// form. A report lists the rejected records of a job. The engine writes it as an object when
// a job ends; before that the own API renders it from the store.
//
// In come the rejections of a job from the store, out goes CSV with whole records, see
// Whole, Write and WriteSafe. The rest of the server finds reports by the names of this
// package only: services link to them, maintenance and check look for those that no job
// names.
package report

import (
	"regexp"
	"strconv"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
)

// Prefix begins the keys of reports; ContentType is that of their objects.
const (
	Prefix      = "reports/"
	ContentType = "text/csv; charset=utf-8"
)

// Name returns where the report is that is written under the term of the job's lease: in the
// bucket of the job's account in which its uploads are, too.
func Name(j job.Job, bucket string) object.Name {
	return object.Name{Account: j.Owner.Account, Bucket: bucket, Key: Key(j)}
}

// Of returns where the report of a job is that has one.
func Of(j job.Job, bucket string) object.Name {
	return object.Name{Account: j.Owner.Account, Bucket: bucket, Key: j.Report}
}

// FileName is the name of the report of a job on the computer of the user that downloads it.
func FileName(id job.ID) string { return string(id) + "-rejected.csv" }

// Key returns the key of the report that is written under the term of the job's
// lease. Two workers never write the same object, even if one was paused in between.
func Key(j job.Job) string {
	return Prefix + j.Owner.Region + "/" + string(j.ID) + "." + strconv.FormatUint(j.Lease.Term, 10) + ".csv"
}

var keyForm = regexp.MustCompile(`^reports/([a-z0-9-]{1,64})/(job-[a-z0-9]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.[0-9]+\.csv$`)

// ParseKey returns the job of an account whose report has a key. ok is false if the
// key is not of the form that Key gives to the jobs of the APIs: callers may keep
// objects of their own beside reports.
func ParseKey(account, key string) (o job.Owner, id job.ID, ok bool) {
	parts := keyForm.FindStringSubmatch(key)
	if parts == nil {
		return job.Owner{}, "", false
	}
	return job.Owner{Account: account, Region: parts[1]}, job.ID(parts[2]), true
}
