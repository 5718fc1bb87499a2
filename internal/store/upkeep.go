package store

import (
	"context"
	"iter"
	"time"

	"github.com/sluicehq/sluice/internal/job"
)

// Upkeep is what maintenance asks of all accounts, see package maintenance.
type Upkeep interface {
	// Lead gives a holder the right to a task that one server does at a time, or prolongs
	// it, to d from now by the store's clock; d of 0 gives it up. The term rises with
	// every change of the holder. ok is false if another holder has the right.
	Lead(ctx context.Context, task, holder string, d time.Duration) (term uint64, ok bool, err error)
	// UnfinishedIDs gives the jobs of all owners that are not final. A job that is not
	// final from the call to the end is among them.
	UnfinishedIDs(ctx context.Context) iter.Seq2[job.ID, error]
	// EndedJobs returns up to limit jobs of all owners, in no order, that became final
	// before a time. What it costs grows with the jobs that were created before it.
	EndedJobs(ctx context.Context, before time.Time, limit int) ([]job.Job, error)
	// SourceUse returns what jobs, of all regions of the account, have an object as their
	// source.
	SourceUse(ctx context.Context, account, bucket, key string) (SourceUse, error)
}

// SourceUse is what jobs have an object as their source.
type SourceUse struct {
	Jobs       int
	Unfinished int       // how many of them are not final
	Ended      time.Time // when the last of them became final; zero if none did
}
