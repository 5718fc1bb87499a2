package job

import (
	"regexp"
	"strconv"
)

// ReportKey returns the key of the report that is written under the term of the job's
// lease. Two workers never write the same object, even if one was paused in between.
func (j *Job) ReportKey() string {
	return "reports/" + j.Owner.Region + "/" + string(j.ID) + "." + strconv.FormatUint(j.Lease.Term, 10) + ".csv"
}

var reportKey = regexp.MustCompile(`^reports/([a-z0-9-]{1,64})/(job-[a-z0-9]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.[0-9]+\.csv$`)

// ParseReportKey returns the job of an account whose report has a key. ok is false if the
// key is not of the form that ReportKey gives to the jobs of the APIs: callers may keep
// objects of their own beside reports.
func ParseReportKey(account, key string) (o Owner, id ID, ok bool) {
	parts := reportKey.FindStringSubmatch(key)
	if parts == nil {
		return Owner{}, "", false
	}
	return Owner{Account: account, Region: parts[1]}, ID(parts[2]), true
}
