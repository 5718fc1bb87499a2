// Package job is the noun: one import that a caller asked for, its states, and the
// right to work on it. It is pure; what happens to jobs is the engine's and the
// services' business, what is remembered of them the store's.
//
//	          start, claim              end of source
//	created ───────────────> processing ─────────────> completed
//	   │  │                    │    │
//	   │  └────> failed <──────┘    │  broken source, list deleted
//	   └───────> stopped <──────────┘  the caller stopped it
package job

import (
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/record"
)

// ID names a job. It is unique over all wires, accounts and regions.
type ID string

// Owner is whose a job or a list is: an account, in one region. Owners never see
// each other's.
type Owner struct {
	Account string
	Region  string
}

// Wire is the API that a job came by; it is the API that shows it.
type Wire string

// The wires.
const (
	MailManager Wire = "mailmanager"
	SESv2       Wire = "sesv2"
	QConnect    Wire = "qconnect" // Q in Connect and Connect Wisdom
)

// State is how far a job is.
type State string

// The states.
const (
	Created    State = "created"    // known, not yet worked on
	Processing State = "processing" // started: waiting for a worker, or being worked on
	Completed  State = "completed"  // read to the end of its source
	Failed     State = "failed"     // ended early; Job.Error says why
	Stopped    State = "stopped"    // ended early: the caller stopped it
)

var next = map[State][]State{ // a state without a row is final
	Created:    {Processing, Failed, Stopped},
	Processing: {Completed, Failed, Stopped},
}

// Final reports whether a job in state s can change no more.
func (s State) Final() bool { return len(next[s]) == 0 }

// Source is where a job's bytes are. Version is empty until the job is bound to the
// bytes that lie there when it starts; Size is theirs from then on, and before that
// what was there when the job was made, or 0.
type Source struct {
	Bucket  string        `json:",omitzero"`
	Key     string        `json:",omitzero"`
	Version string        `json:",omitzero"`
	ETag    string        `json:",omitzero"`
	Size    int64         `json:",omitzero"`
	Format  record.Format `json:",omitzero"`
}

// Counts is what has come of the records committed so far.
type Counts struct {
	Imported int64 `json:",omitzero"` // records that changed a member, or found it as they want it
	Rejected int64 `json:",omitzero"` // records refused
}

// Job is one import. Store methods return it by value; Tags and Config are not shared.
//
// A store that keeps jobs as JSON reads them many times for each that it writes, and most
// fields of most jobs are zero: the tags leave those out.
type Job struct {
	ID          ID
	Owner       Owner
	Wire        Wire
	Name        string `json:",omitzero"` // as the caller named it; not unique
	Destination Destination
	Source      Source
	State       State
	Ready       bool            `json:",omitzero"` // may be claimed: its start was asked for
	Counts      Counts          `json:",omitzero"`
	Checkpoint  record.Position `json:",omitzero"` // how far the committed work reaches
	Created     time.Time
	Started     time.Time         `json:",omitzero"` // zero until it is processing
	Finished    time.Time         `json:",omitzero"` // zero until its state is final
	Error       string            `json:",omitzero"` // why it failed, for the caller
	Report      string            `json:",omitzero"` // key of the report object, in Source's account; empty if none was written
	Tags        map[string]string `json:",omitzero"`
	Config      []byte            `json:",omitzero"` // what the job's service keeps with it; nobody else looks inside
	Lease       Lease             `json:",omitzero"` // of the worker that has it, or had it last

	// Attempts that were made since the last committed batch and ended early, and those of
	// them that ended for an error that nobody expected.
	Attempts  int    `json:",omitzero"`
	Failures  int    `json:",omitzero"`
	LastError string `json:",omitzero"` // why the last attempt that ended early did, for operators
	Waiting   Wait   `json:",omitzero"` // zero unless the last attempt ended early, without progress since
}

// Become moves the job to state s at the given time. Only this function consults
// the table of states; a step that is not in it is fault.Conflict, and changes
// nothing. A job never starts before its creation nor finishes before its start, even
// if at does.
func (j *Job) Become(s State, at time.Time) error {
	for _, allowed := range next[j.State] {
		if s != allowed {
			continue
		}
		j.State = s
		if s == Processing {
			j.Ready, j.Started = true, later(at, j.Created)
		}
		if s.Final() {
			j.Waiting = Wait{}
			j.Ready, j.Finished = false, later(at, later(j.Started, j.Created))
		}
		return nil
	}
	return fault.New(fault.Conflict, "job %s is %s and cannot become %s", j.ID, j.State, s)
}

// later keeps the times of a job in their order when the clock is set back.
func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// Lease is the right to work on a job until a time. Term rises with every claim:
// what is done under an old term changes nothing.
type Lease struct {
	Owner  Owner
	Job    ID
	Term   uint64
	Holder string
	Until  time.Time
}

// Live reports whether the lease is held by somebody at the given time.
func (l Lease) Live(now time.Time) bool { return l.Holder != "" && now.Before(l.Until) }
