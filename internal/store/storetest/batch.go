package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

var bad = record.Refusal{Code: "bad", Reason: "the record says so"}

// Fill adds records to a batch that follows the position given, and moves its end behind
// them. A record's text is a verb, a key and a value:
//
//	put KEY VALUE
//	del KEY
//	bad KEY
//
// In a batch with UniqueKeys, the value has the unique keys of the member, see UniqueKeys.
func Fill(b *store.Batch, from record.Position, texts ...string) {
	b.Through = from
	for _, text := range texts {
		parts := append(strings.SplitN(text, " ", 3), "", "")
		b.Through.Record++
		b.Through.Line++
		rec := &record.Record{
			Number: b.Through.Record, Line: b.Through.Line, Offset: b.Through.Offset, Raw: []byte(text),
			Fields: []record.Field{{Kind: record.Text, Bytes: []byte(parts[1])}},
		}
		key, value := []byte(parts[1]), []byte(parts[2])
		switch {
		case parts[0] == "bad":
			b.Reject(rec, &bad)
		case parts[0] == "del":
			b.Delete(key)
		case b.UniqueKeys:
			b.Put(rec, key, value, UniqueKeys(value)...)
		default:
			b.Put(rec, key, value)
		}
		b.Through.Offset += int64(len(text)) + 1
	}
}

// batch makes a batch of its texts, put now.
func batch(from record.Position, texts ...string) *store.Batch {
	b := &store.Batch{At: time.Now()}
	Fill(b, from, texts...)
	return b
}

func (f *fixture) prepare(l job.Lease, b *store.Batch) store.Prepared {
	f.Helper()
	p, err := f.Prepare(f.ctx, l, b)
	f.ok("Prepare", err)
	if !b.NeedsCheck() {
		overwrite(b) // the store must not have kept it
	}
	return p
}

// overwrite makes another batch of b.
func overwrite(b *store.Batch) {
	b.Reset()
	Fill(b, record.Position{}, "put overwritten overwritten", "bad overwritten")
}

// commit prepares and commits what goes on from the job's checkpoint.
func (f *fixture) commit(l job.Lease, texts ...string) job.Counts {
	f.Helper()
	return f.commitBatch(l, batch(f.job(l.Owner, string(l.Job)).Checkpoint, texts...))
}

func (f *fixture) commitBatch(l job.Lease, b *store.Batch) job.Counts {
	f.Helper()
	counts, err := f.Commit(f.ctx, l, f.prepare(l, b))
	f.ok("Commit", err)
	overwrite(b)
	return counts
}

// members returns all members of a list as "key=value" and, where the times are not
// now, their ages in seconds: "key=value/created/updated".
func (f *fixture) members(r store.ListRef) string {
	f.Helper()
	var all []string
	for after := ""; ; {
		page, next, err := f.ListMembers(f.ctx, r, store.MemberFilter{}, store.Page{After: after, Limit: 3})
		f.ok("ListMembers", err)
		for _, m := range page {
			all = append(all, show(m))
		}
		if after = next; next == "" {
			return strings.Join(all, " ")
		}
	}
}

func show(m store.Member) string {
	text := m.Key + "=" + string(m.Value)
	created, updated := int(time.Since(m.Created).Seconds()), int(time.Since(m.Updated).Seconds())
	if created != 0 || updated != 0 {
		text += fmt.Sprintf("/%d/%d", created, updated)
	}
	return text
}

// rejects returns a job's rejects as "record:line:offset code key|raw", and " of length" behind
// one of which only the beginning is kept.
func (f *fixture) rejects(o job.Owner, id string) []string {
	f.Helper()
	var all []string
	for r, err := range f.Rejects(f.ctx, o, job.ID(id)) {
		f.ok("Rejects", err)
		text := fmt.Sprintf("%d:%d:%d %s %s|%s", r.Record, r.Line, r.Offset, r.Code, r.Key, r.Raw)
		if r.Length != int64(len(r.Raw)) {
			text += fmt.Sprintf(" of %d", r.Length)
		}
		all = append(all, text)
		if r.Code == bad.Code {
			f.equal("reason of a reject", r.Reason, bad.Reason)
		}
	}
	return all
}
