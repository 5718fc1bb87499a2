package job

import "time"

// Wait is why a job waits for its next attempt.
type Wait struct {
	Reason Reason
	Since  time.Time // when an attempt first ended for this reason, without progress since
	Until  time.Time // when the next attempt may begin
}

// Reason is what a job waits for. It is also the label of a metric, so there are few.
type Reason string

// The reasons.
const (
	DiskFull            Reason = "disk full"
	StorageUnavailable  Reason = "object storage unavailable"
	DatabaseUnavailable Reason = "database unavailable"
	UnexpectedError     Reason = "internal error"
)

// Reasons returns all of them.
func Reasons() []Reason {
	return []Reason{DiskFull, StorageUnavailable, DatabaseUnavailable, UnexpectedError}
}
