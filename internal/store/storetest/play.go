package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

func sleep(o op) {
	if o.Name == "Sleep" {
		time.Sleep(time.Duration(o.N) * minute / 10)
	}
}

// do does one operation and returns the answer as text.
func (p *player) do(o op) string {
	switch o.Name {
	case "CreateJob", "ChangeJob", "DeleteJob", "ListJobs", "UnfinishedJob":
		return p.doJobs(o)
	case "Claim", "Waiting", "JobCounts", "Begin", "Renew", "Release", "Postpone", "Finish":
		return p.doLeases(o)
	case "Prepare", "Commit", "Discard", "Rejects":
		return p.doBatches(o)
	case "CreateList", "ChangeList", "ListLists", "FindLists", "DeleteList", "DeleteListWithJobs":
		return p.doLists(o)
	case "PutMember", "ChangeMember", "DeleteMember", "Member", "ListMembers":
		return p.doMembers(o)
	case "Reopen":
		for _, q := range p.prepared {
			q.p.Discard()
		}
		p.prepared = nil
		err := p.s.Close()
		p.s = p.open()
		return answer(err, "ok")
	}
	return ""
}

func jobID(o op) job.ID { return job.ID(fmt.Sprint("j", o.ID, o.Key%3)) }

// showJob shows what is promised of a job: of its lease only who has it now.
func showJob(j job.Job) string {
	l := j.Lease
	j.Lease = job.Lease{Term: l.Term}
	if l.Live(time.Now()) {
		j.Lease = l
	}
	return fmt.Sprintf("%+v", j)
}

func (p *player) doJobs(o op) string {
	owner, id := everyone[o.Owner], jobID(o)
	switch o.Name {
	case "CreateJob":
		j := newJob(owner, string(id))
		r := listOf(o)
		j.Ready, j.Source.Size, j.Destination.Kind, j.Destination.List = o.Key != 0, int64(o.Key), r.Kind, r.ID
		j, err := p.s.CreateJob(p.ctx, j, once(o), 2*o.N)
		return answer(err, "%s", showJob(j))
	case "ChangeJob":
		j, err := p.s.ChangeJob(p.ctx, owner, id, func(j *job.Job) error {
			if o.N == 0 {
				return j.Become(job.Stopped, time.Now())
			}
			if o.N == 1 {
				return errors.New("no")
			}
			j.Ready, j.Name, j.Config = j.Ready || !j.State.Final(), fmt.Sprint(o.Key), fmt.Append(nil, o.N)
			return nil
		})
		return answer(err, "%s", showJob(j))
	case "DeleteJob":
		return answer(p.s.DeleteJob(p.ctx, owner, id), "ok")
	case "UnfinishedJob": // of several there may be any
		j, ok, err := p.s.UnfinishedJob(p.ctx, listOf(o), []job.State{job.Created, job.Processing}[o.N%2:]...)
		return answer(err, "%t %t", ok, ok && j.State.Final())
	}
	var all []string
	f := store.JobFilter{NewestFirst: o.Key%2 == 1}
	switch {
	case o.Key > 3:
		f.States = []job.State{job.Stopped, job.Failed}[o.Key%2:][:1]
	case o.Key > 2:
		f.States = []job.State{job.Created, job.Completed}
	}
	switch o.ID {
	case 1:
		f.States = []job.State{job.Processing, job.Created}[o.Key%2:]
	case 2:
		f.List = listOf(o).ID
	case 3:
		f.Wire = job.SESv2
	}
	for after := ""; ; {
		jobs, next, err := p.s.ListJobs(p.ctx, owner, f, store.Page{After: after, Limit: 1 + o.N, Budget: o.N})
		if err != nil {
			return answer(err, "")
		}
		for _, j := range jobs {
			all = append(all, showJob(j))
		}
		if after = next; next == "" {
			return strings.Join(all, "\n")
		}
	}
}

// once is no token, or one of two, with one of two inputs.
func once(o op) store.Once {
	if o.Key%3 == 0 {
		return store.Once{}
	}
	return store.Once{Token: fmt.Sprint("t", o.Key%3), Input: fmt.Sprint("i", o.N%2)}
}

func (p *player) doLeases(o op) string {
	w := store.Wanted{Holder: fmt.Sprint("w", o.ID), Lease: minute, MaxSize: int64(o.N), Retries: o.Key == 5}
	switch o.Name {
	case "Claim":
		j, ok, err := p.s.Claim(p.ctx, w)
		if ok {
			p.leases = append(p.leases, j.Lease)
		}
		return answer(err, "%v %s", ok, showJob(j))
	case "Waiting":
		ok, err := p.s.Waiting(p.ctx, w)
		return answer(err, "%v", ok)
	case "JobCounts":
		c, err := p.s.JobCounts(p.ctx)
		return answer(err, "%d %d %d %t %v", c.Created, c.Processing, c.Waiting, c.WaitingSince.IsZero(), c.Reasons)
	}
	if len(p.leases) == 0 {
		return ""
	}
	l := p.leases[len(p.leases)-1-min(o.N/2, len(p.leases)-1)] // most often the last
	switch o.Name {
	case "Begin":
		j, err := p.s.Begin(p.ctx, l, job.Source{Version: fmt.Sprint(o.Key), Size: int64(o.Key)})
		return answer(err, "%s", showJob(j))
	case "Renew":
		l, err := p.s.Renew(p.ctx, l, minute)
		return answer(err, "%+v", l)
	case "Release":
		return answer(p.s.Release(p.ctx, l), "ok")
	case "Postpone":
		return answer(p.s.Postpone(p.ctx, l, store.Pause{
			Reason: job.Reasons()[o.ID], Error: fmt.Sprint("e", o.Key), Failed: o.N > 2,
			For: time.Duration(o.Key) * minute / 10, Avoid: time.Duration(o.N) * minute / 10,
		}), "ok")
	default:
		state := []job.State{job.Completed, job.Failed, job.Created}[o.ID%3]
		j, err := p.s.Finish(p.ctx, l, store.Outcome{State: state, Error: "e"})
		return answer(err, "%s", showJob(j))
	}
}

func (p *player) doBatches(o op) string {
	switch o.Name {
	case "Rejects":
		return p.rejects(o)
	case "Prepare":
		if len(p.leases) == 0 {
			return ""
		}
		n := len(p.leases) - 1 - min(o.ID/2, len(p.leases)-1)
		b := p.batch(p.leases[n], o)
		q, err := p.s.Prepare(p.ctx, p.leases[n], b)
		if err == nil {
			p.prepared = append(p.prepared, prepared{n, q})
		}
		return answer(err, "ok")
	}
	if len(p.prepared) == 0 {
		return ""
	}
	i := o.ID % len(p.prepared)
	q := p.prepared[i]
	p.prepared = append(p.prepared[:i:i], p.prepared[i+1:]...)
	defer q.p.Discard()
	if o.Name == "Discard" {
		return ""
	}
	counts, err := p.s.Commit(p.ctx, p.leases[q.lease], q.p)
	return answer(err, "%+v", counts)
}

// batch makes a batch of an operation's records, for the list of the lease's job.
func (p *player) batch(l job.Lease, o op) *store.Batch {
	b := &store.Batch{At: time.Now(), MaxMembers: o.N}
	records := slices.Clone(o.Records)
	if j, err := p.s.Job(p.ctx, l.Owner, l.Job); err == nil && hasUniqueKeys(j.Destination.Kind) {
		b.UniqueKeys = true
		for i, text := range records {
			parts := strings.Split(text, " ")
			records[i] = fmt.Sprintf("%s %s %s", parts[0], parts[1], fewNames(parts[2]))
		}
	}
	Fill(b, p.room(), records...)
	return b
}

// hasUniqueKeys reports whether lists of a kind have unique keys here.
func hasUniqueKeys(k job.Kind) bool { return k == job.QuickResponses }

// fewNames makes a value, of which many have the same unique keys, of a number.
func fewNames(number string) string {
	return []string{"a", "b", "c", "a/1", "b/1", "c/1", "a/2", "b/2", "d", "d/2"}[number[0]-'0']
}

// room is where the next batch begins. Batches may be prepared before the one ahead is
// committed, or that one never is, and their rejects would meet if each began at the
// checkpoint; so each begins elsewhere.
func (p *player) room() record.Position {
	p.rooms++
	return record.Position{Record: 1000 * p.rooms, Line: 1000 * p.rooms}
}

func (p *player) rejects(o op) string {
	var all []string
	for r, err := range p.s.Rejects(p.ctx, everyone[o.Owner], jobID(o)) {
		all = append(all, answer(err, "%d %d %d %d %s %s %q %q", r.Record, r.Line, r.Offset, r.Length, r.Code, r.Reason, r.Key, r.Raw))
	}
	return strings.Join(all, "\n")
}

// listOf is the one or the other list of an owner: they are of different kinds.
func listOf(o op) store.ListRef {
	if o.ID%2 == 0 {
		return listRef(everyone[o.Owner], "l0")
	}
	return store.ListRef{Owner: everyone[o.Owner], Kind: job.QuickResponses, ID: "l1"}
}

func (p *player) doLists(o op) string {
	r := listOf(o)
	switch o.Name {
	case "CreateList":
		l := newList(r.Owner, r.ID)
		l.Ref.Kind, l.UniqueKeys = r.Kind, hasUniqueKeys(r.Kind)
		l.Name = fmt.Sprint("n", o.Key%3)
		l, err := p.s.CreateList(p.ctx, l, once(o), o.N)
		return answer(err, "%+v", l)
	case "ChangeList":
		l, err := p.s.ChangeList(p.ctx, r, func(l *store.List) error {
			l.Name, l.Updated = fmt.Sprint("n", o.Key%3), time.Now()
			l.Config = fmt.Append(nil, o.N)
			return nil
		})
		return answer(err, "%+v", l)
	case "FindLists":
		lists, err := p.s.FindLists(p.ctx, r.Owner, fmt.Sprint("n", o.Key%3), fmt.Sprint("l", o.N))
		return answer(err, "%+v", lists)
	case "DeleteList":
		return answer(p.s.DeleteList(p.ctx, r), "ok")
	case "DeleteListWithJobs":
		return answer(p.s.DeleteListWithJobs(p.ctx, r), "ok")
	}
	var all []string
	for after := ""; ; {
		lists, next, err := p.s.ListLists(p.ctx, r.Owner, r.Kind, store.Page{After: after, Limit: 1 + o.N})
		if err != nil {
			return answer(err, "")
		}
		for _, l := range lists {
			all = append(all, fmt.Sprintf("%+v", l))
		}
		if after = next; next == "" {
			return strings.Join(all, "\n")
		}
	}
}

func (p *player) doMembers(o op) string {
	r, key := listOf(o), memberName(o.Key)
	value, unique := fmt.Append(nil, o.N), []store.UniqueKey(nil)
	if hasUniqueKeys(r.Kind) {
		value = []byte(fewNames(fmt.Sprint(o.N + o.ID)))
		unique = UniqueKeys(value)
	}
	switch o.Name {
	case "PutMember":
		return answer(p.s.PutMember(p.ctx, r, key, value, time.Now(), store.PutOptions{New: o.ID > 2, Max: o.N, Unique: unique}), "ok")
	case "ChangeMember":
		m, err := p.s.ChangeMember(p.ctx, r, key, time.Now(), func(m *store.Member) error {
			if o.N == 0 {
				return errors.New("no")
			}
			if !hasUniqueKeys(r.Kind) || o.N == 1 { // as it is now counts, and its unique keys stay
				m.Value = append(m.Value[:min(len(m.Value), 3)], value...)
				return nil
			}
			m.Value, m.Unique = value, unique
			return nil
		})
		return answer(err, "%+v", m)
	case "DeleteMember":
		return answer(p.s.DeleteMember(p.ctx, r, key), "ok")
	case "Member":
		m, err := p.s.Member(p.ctx, r, key)
		return answer(err, "%+v", m)
	}
	return p.listMembers(o, r)
}

func (p *player) listMembers(o op, r store.ListRef) string {
	f := store.MemberFilter{Prefix: memberName(o.Key)[:min(o.ID/2, len(memberName(o.Key)))]}
	if o.Key > 3 {
		f.Match = func(m store.Member) bool { return bytes.ContainsAny(m.Value, "02468b") }
	}
	var all []string
	for after := ""; ; {
		members, next, err := p.s.ListMembers(p.ctx, r, f, store.Page{After: after, Limit: 1 + o.N, Budget: o.ID})
		if err != nil {
			return answer(err, "")
		}
		for _, m := range members {
			all = append(all, fmt.Sprintf("%+v", m))
		}
		all = append(all, fmt.Sprint(len(members)))
		if after = next; next == "" {
			return strings.Join(all, "\n")
		}
	}
}
