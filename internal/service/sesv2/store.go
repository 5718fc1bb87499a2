package sesv2

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/store"
)

// Store is what this service needs of a store.Store.
type Store interface {
	CreateJob(ctx context.Context, j job.Job, once store.Once, unfinished int) (job.Job, error)
	Job(ctx context.Context, o job.Owner, id job.ID) (job.Job, error)
	ListJobs(ctx context.Context, o job.Owner, f store.JobFilter, p store.Page) ([]job.Job, string, error)
	ChangeJob(ctx context.Context, o job.Owner, id job.ID, change func(*job.Job) error) (job.Job, error)

	CreateList(ctx context.Context, l store.List, once store.Once, most int) (store.List, error)
	List(ctx context.Context, r store.ListRef) (store.List, error)
	ListLists(ctx context.Context, o job.Owner, k job.Kind, p store.Page) ([]store.List, string, error)
	ChangeList(ctx context.Context, r store.ListRef, change func(*store.List) error) (store.List, error)
	DeleteList(ctx context.Context, r store.ListRef) error

	PutMember(ctx context.Context, r store.ListRef, key string, value []byte, at time.Time, o store.PutOptions) error
	ChangeMember(ctx context.Context, r store.ListRef, key string, at time.Time, change func(*store.Member) error) (store.Member, error)
	DeleteMember(ctx context.Context, r store.ListRef, key string) error
	Member(ctx context.Context, r store.ListRef, key string) (store.Member, error)
	ListMembers(ctx context.Context, r store.ListRef, f store.MemberFilter, p store.Page) ([]store.Member, string, error)
}

// Objects is what this service needs of an object.Store.
type Objects interface {
	Stat(ctx context.Context, n object.Name) (object.Info, error)
}
