// Package store is what Sluice remembers: jobs, lists, and the members of lists.
//
// The contract is in terms of the domain; storetest.Run is its definition, and
// every backend passes it. A method that returns without an error has made its
// change durable. Errors that a caller can act on have a fault kind, named with
// each method; any method may also fail with an error of no kind.
//
// All methods may be called concurrently, and each is one atomic step. Times are
// kept to the microsecond and given back in UTC. What a method returns is the
// caller's own: the store keeps no part of it, nor of what it was handed.
package store

import (
	"context"
	"iter"
	"time"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
)

// Store is all of it, for who opens one. Services, engine and maintenance declare the part
// that they need.
type Store interface {
	Jobs
	Work
	Lists
	Members
	Upkeep

	// Secret returns random bytes that are made when first asked for under a name
	// and are the same ever after, on every node.
	Secret(ctx context.Context, name string) ([]byte, error)
	// Ping reports whether the store can be read and written now: it makes a write that
	// changes nothing, and waits until it is durable.
	Ping(ctx context.Context) error
	Close() error
}

// Once makes a creation repeatable. Creating twice with the same Token (for the
// same owner and kind of thing: jobs of one wire, lists of one kind) gives what the
// first call created, as it is now, if Input is the same too, and fault.Conflict
// otherwise. The zero value asks for nothing. A token is remembered as long as what
// it created.
type Once struct {
	Token string
	Input string // fingerprint of what was asked for
}

// Page asks for a part of a listing: up to Limit entries (fault.Invalid below 1; a store
// may take more than 10,000 for 10,000), from
// where After, the token that came with the part before, left off. A token is only
// good for the listing that it came from; one that cannot be is fault.BadToken. An entry that is there all the
// while is listed exactly once, whatever is added or removed meanwhile.
//
// A page costs a bounded amount: a listing with a filter examines at most Budget entries
// for it. A page that is not full has a token if the budget ran out, and may be empty
// then. Only an empty token is the end of a listing.
type Page struct {
	After string
	Limit int
	// Budget is how many entries may be examined; 0 is MemberBudget or JobBudget. It is
	// not bound to the token: it may change from page to page.
	Budget int
}

// How many entries a page examines at most, unless its Budget says otherwise. To examine
// that many members or jobs takes a store some tens of milliseconds.
const (
	MemberBudget = 20_000
	JobBudget    = 2_000
)

// JobFilter selects jobs; an empty member selects all. It also sets their order.
type JobFilter struct {
	Wire   job.Wire
	Kind   job.Kind
	List   string
	States []job.State
	// NewestFirst lists the job that was created last first, instead of last.
	NewestFirst bool
}

// Jobs is the callers' side of jobs.
type Jobs interface {
	// CreateJob stores j, whose ID the caller made, and returns it as stored, with
	// counts, checkpoint and lease empty. The job is for the list that is there now
	// under its destination's ID, if there is one, and for none that is made under this
	// ID once that list is gone. If the owner has a job of that ID it is
	// fault.AlreadyExists; if unfinished is more than 0 and the owner already has as
	// many jobs of the same wire that are not final, it is fault.LimitExceeded.
	CreateJob(ctx context.Context, j job.Job, once Once, unfinished int) (job.Job, error)
	// Job returns a job; fault.NotFound.
	Job(ctx context.Context, o job.Owner, id job.ID) (job.Job, error)
	// ListJobs returns a page of an owner's jobs in order of creation, oldest first unless
	// the filter is NewestFirst, and the token of the next page, empty at the end. It reads
	// the index of the first condition that the filter has: jobs that are not final, the
	// list, one state, the API; else the index of all jobs. If the other conditions exclude
	// many of the jobs that it reads, the page is short, see Page.
	ListJobs(ctx context.Context, o job.Owner, f JobFilter, p Page) ([]job.Job, string, error)
	// ChangeJob applies change to a job as it is now and stores what comes out; an
	// error of change's is returned and nothing is stored; fault.NotFound. ID, owner,
	// wire, destination, created time, and bucket and key of the source stay; counts, checkpoint, lease, attempts and what is kept of
	// them are the workers', and stay too. When the job's state becomes final its lease ends: a commit that has
	// not happened yet never will. change may be called more than once, and must not
	// call the store.
	ChangeJob(ctx context.Context, o job.Owner, id job.ID, change func(*job.Job) error) (job.Job, error)
	// UnfinishedJob returns a job that imports into a list and is in one of some states
	// that are not final; ok is false if there is none.
	UnfinishedJob(ctx context.Context, r ListRef, states ...job.State) (j job.Job, ok bool, err error)
	// DeleteJob removes a job whose state is final, with its rejects, and forgets its
	// token; fault.NotFound, and fault.Conflict if the state is not final. A job may be
	// made later under its ID; what was prepared for the one before is fault.LeaseLost.
	DeleteJob(ctx context.Context, o job.Owner, id job.ID) error
}

// Wanted tells Claim which jobs a worker would take.
type Wanted struct {
	Holder string        // who asks
	Lease  time.Duration // for how long, from now
	// MaxSize, if not 0, leaves out jobs whose source is known to be larger.
	MaxSize int64
	// Retries selects jobs whose Attempts are more than 0. Without it they are left out.
	Retries bool
}

// Pause is what Postpone keeps with a job.
type Pause struct {
	Reason job.Reason
	Error  string        // becomes the job's LastError
	Failed bool          // the attempt ended for an error that nobody expected
	For    time.Duration // how long nobody may claim the job
	Avoid  time.Duration // how much longer the lease's holder may not
}

// JobCounts is how much work there is, see Work.JobCounts.
type JobCounts struct {
	Created, Processing int64 // jobs in these states
	// Waiting is how many of them Claim could take now, whatever their size, and
	// WaitingSince when the one that has waited longest became ready or was released.
	// It is zero if none waits.
	Waiting      int64
	WaitingSince time.Time
	// Reasons counts the jobs that are Waiting, by reason. It is nil if there are none.
	Reasons map[job.Reason]int64
}

// Outcome is how a job ended.
type Outcome struct {
	State  job.State // Completed or Failed
	Error  string
	Report string
}

// Work is the workers' side of jobs. Every method that takes a lease changes nothing
// and returns fault.LeaseLost if the lease is no longer the job's: its term is not
// the last, it has run out, or the job's state became final.
type Work interface {
	// Claim leases one job that is ready, has no live lease and is not postponed, and raises its term.
	// Among those it takes the job whose account has the fewest live leases of jobs with or
	// without Attempts, as w wants them, then the one that has waited longest since it became ready or was released; a lease
	// that ran out leaves the job the place it had. ok is false if there is none.
	Claim(ctx context.Context, w Wanted) (j job.Job, ok bool, err error)
	// Waiting reports whether Claim would find a job.
	Waiting(ctx context.Context, w Wanted) (bool, error)
	// JobCounts counts the jobs of all owners that are not final. Its cost grows with
	// those and not with the final ones. What it returns need not be of one moment.
	JobCounts(ctx context.Context) (JobCounts, error)
	// Begin binds the job to the source as given, but for its bucket and key, which stay,
	// and makes the job processing, if it is not.
	Begin(ctx context.Context, l job.Lease, s job.Source) (job.Job, error)
	// Renew prolongs a lease to d from now.
	Renew(ctx context.Context, l job.Lease, d time.Duration) (job.Lease, error)
	// Release gives a lease up before its time: the job waits for the next worker,
	// behind those that wait already.
	Release(ctx context.Context, l job.Lease) error
	// Postpone gives a lease up because the attempt ended early: the job waits behind
	// those that wait already, for no less than the pause. It counts the attempt. The job
	// is Waiting since now, or since it was for the same reason. A commit is progress: it
	// sets Attempts and Failures to 0 and ends Waiting.
	Postpone(ctx context.Context, l job.Lease, p Pause) error

	// Prepare makes a batch ready to be committed: the slow part of a commit, which
	// needs no order and may run for several batches at once. It does not keep b, unless b
	// NeedsCheck: until what it returns is committed or discarded, nobody changes b then. What
	// it returns must be committed, under the same lease, or discarded. If the job's list
	// is gone it is ErrNoList, also when there is a new one under its ID.
	Prepare(ctx context.Context, l job.Lease, b *Batch) (Prepared, error)
	// Commit applies a prepared batch and moves the job's checkpoint to the batch's
	// end in one atomic step, and returns the job's counts after it. Changes are
	// applied in the order in which they were added; a member that is there keeps its
	// created time. If the list that the batch was prepared for is gone it is
	// ErrNoList and nothing is changed, also when there is a new one under its
	// ID. In the same step, changes that the list does not allow become rejects: if the
	// list has UniqueKeys, a put with one that another member has; if the batch has a
	// MaxMembers, one that would make a new member beyond it, see ListFull. One that fails
	// both is refused for the unique key.
	Commit(ctx context.Context, l job.Lease, p Prepared) (job.Counts, error)
	// Finish ends the job, as Job.Become allows, and its lease.
	Finish(ctx context.Context, l job.Lease, o Outcome) (job.Job, error)

	// Rejects gives all committed rejects of a job in record order; fault.NotFound. A
	// reject is valid until the next one is asked for.
	Rejects(ctx context.Context, o job.Owner, id job.ID) iter.Seq2[record.Reject, error]
}

// Prepared is a batch that is ready to be committed. Commit uses it up.
type Prepared interface {
	// Discard frees what preparing took; after Commit it does nothing.
	Discard()
}

// ListRef names a list.
type ListRef struct {
	Owner job.Owner
	Kind  job.Kind
	ID    string
}

// List is a set of members under one name: an address list, the suppression list.
type List struct {
	Ref     ListRef
	Name    string // unique within owner and kind
	Created time.Time
	Updated time.Time
	Config  []byte // the service's own settings for it; the store does not look inside
	// UniqueKeys says that members of the list have unique keys. It stays as it was when
	// the list was created.
	UniqueKeys bool
	Tags       map[string]string
}

// Lists keeps lists.
type Lists interface {
	// CreateList stores l, whose ID the caller made, and returns it as stored.
	// fault.AlreadyExists if the name or the ID is taken among the owner's lists of the
	// kind; fault.LimitExceeded if most is
	// more than 0 and the owner has as many lists of the kind.
	CreateList(ctx context.Context, l List, once Once, most int) (List, error)
	// List returns a list; ErrNoList.
	List(ctx context.Context, r ListRef) (List, error)
	// ListLists lists an owner's lists of a kind, oldest first, and the token of the
	// next page, empty at the end. It has no filter, and needs no Budget.
	ListLists(ctx context.Context, o job.Owner, k job.Kind, p Page) ([]List, string, error)
	// FindLists returns the lists of an owner, of any kind, whose ID or name is one of some
	// names, by kind and ID. Its cost grows with the number of names.
	FindLists(ctx context.Context, o job.Owner, names ...string) ([]List, error)
	// ChangeList applies change to a list as it is now and stores what comes out; an
	// error of change's is returned and nothing is stored; ErrNoList, and
	// fault.AlreadyExists if its new name is taken. Ref, Created and UniqueKeys stay. change may be
	// called more than once, and must not call the store.
	ChangeList(ctx context.Context, r ListRef, change func(*List) error) (List, error)
	// DeleteList removes a list with all its members, at once for every reader,
	// however many there are; ErrNoList. A list made later under the same
	// name or ID starts empty.
	DeleteList(ctx context.Context, r ListRef) error
	// DeleteListWithJobs is DeleteList, and in the same step deletes the jobs that were
	// created for the list, as DeleteJob does: at once for every reader, however many
	// there are. If one of them is not final it is fault.Conflict and nothing is deleted.
	DeleteListWithJobs(ctx context.Context, r ListRef) error
}

// Member is one entry of a list. Its key and value are in the form that the
// destination gives them, see package destination.
type Member struct {
	Key     string
	Value   []byte
	Created time.Time // when it came to be there, to the microsecond
	Updated time.Time // when it was last put, to the microsecond
	// Unique is for ChangeMember: the unique keys that the member has from then on. Nil
	// leaves it those that it has.
	Unique []UniqueKey
}

// PutOptions are conditions of a single put.
type PutOptions struct {
	New bool // fault.AlreadyExists if the member is there
	Max int  // if more than 0: fault.LimitExceeded if the member is new and the list has as many
	// Unique are the member's unique keys; only in a list with UniqueKeys.
	Unique []UniqueKey
}

// MemberFilter selects members.
type MemberFilter struct {
	Prefix string            // of the key
	Match  func(Member) bool // nil selects all; it must not call the store
}

// Members keeps the members of lists. Every method is ErrNoList if the list is not there.
//
// Members of one list never share a unique key: a single write that would make them is
// fault.AlreadyExists with the sentence of the first such key's Taken, and changes nothing. A
// member gives up its unique keys when it is put with others, or deleted.
type Members interface {
	// PutMember puts one member at the given time: a member that is there keeps its
	// created time and gets the rest.
	PutMember(ctx context.Context, r ListRef, key string, value []byte, at time.Time, o PutOptions) error
	// ChangeMember applies change to a member as it is now, stores the value that comes
	// out, and returns the member; an error of change's is returned and nothing is
	// stored; ErrNoMember. Key and created time stay, and
	// at becomes the updated time. change may be called more than once, and must not
	// call the store.
	ChangeMember(ctx context.Context, r ListRef, key string, at time.Time, change func(*Member) error) (Member, error)
	// DeleteMember removes one member; ErrNoMember.
	DeleteMember(ctx context.Context, r ListRef, key string) error
	// Member returns one member; ErrNoMember.
	Member(ctx context.Context, r ListRef, key string) (Member, error)
	// ListMembers lists members in order of their keys' bytes, and the token of the
	// next page, empty at the end. It examines the members that have the prefix: where
	// Match passes over many, a page is short, see Page.
	ListMembers(ctx context.Context, r ListRef, f MemberFilter, p Page) ([]Member, string, error)
}
