package pebblestore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

var (
	checkOwner = job.Owner{Account: "111111111111", Region: "eu-west-1"}
	suppressed = store.ListRef{Owner: checkOwner, Kind: destination.Suppression, ID: "suppression"}
	responses  = store.ListRef{Owner: checkOwner, Kind: destination.QuickResponses, ID: "base-1"}
)

// checked makes a store with a little of everything in it.
func checked(t *testing.T) (*Store, *vfs.MemFS) {
	t.Helper()
	fs, ctx := vfs.NewMem(), t.Context()
	s, err := Open("store", Options{FS: fs})
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(err)
	for _, r := range []store.ListRef{suppressed, responses} {
		l := store.List{Ref: r, Name: "name of " + r.ID, Created: time.Now(), UniqueKeys: r == responses}
		_, err = s.CreateList(ctx, l, store.Once{Token: "t-" + r.ID}, 0)
		ok(err)
	}
	for i := range 3 {
		q := destination.QuickResponse{Name: fmt.Sprint("q", i), ShortcutKey: fmt.Sprint("s", i), Content: "c"}
		var o store.PutOptions
		for _, u := range q.UniqueKeys() {
			o.Unique = append(o.Unique, store.UniqueKey(u))
		}
		ok(s.PutMember(ctx, responses, fmt.Sprint("id-", i), q.Encode(), time.Now(), o))
	}
	for _, id := range []job.ID{"done", "open"} {
		_, err = s.CreateJob(ctx, job.Job{
			ID: id, Owner: checkOwner, Wire: job.SESv2, State: job.Created, Ready: true, Created: time.Now(),
			Destination: job.Destination{Kind: suppressed.Kind, List: suppressed.ID},
		}, store.Once{Token: "t-" + string(id)}, 0)
		ok(err)
	}
	j, _, err := s.Claim(ctx, store.Wanted{Holder: "w", Lease: time.Hour})
	ok(err)
	_, err = s.Begin(ctx, j.Lease, job.Source{})
	ok(err)
	b := &store.Batch{At: time.Now(), Through: record.Position{Record: 100}}
	for i := range 100 {
		text := fmt.Sprintf("a%d@example.com", i)
		if i%10 == 0 {
			text = "no address"
		}
		rec := &record.Record{Number: int64(i), Raw: []byte(text)}
		if i%10 == 0 {
			b.Reject(rec, &record.Refusal{Code: "no-at-sign", Reason: "it has no @"})
			continue
		}
		b.Put(rec, rec.Raw, []byte(destination.Bounce))
	}
	p, err := s.Prepare(ctx, j.Lease, b)
	ok(err)
	_, err = s.Commit(ctx, j.Lease, p)
	ok(err)
	_, err = s.Finish(ctx, j.Lease, store.Outcome{State: job.Completed, Report: "reports/done.csv"})
	ok(err)
	return s, fs
}

// findings closes the store and checks it as a command would.
func findings(t *testing.T, s *Store, fs vfs.FS) (all []Finding, totals CheckTotals) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	i, err := Inspect("store", fs, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	var members destination.MemberChecker
	o := CheckOptions{Member: func(l store.ListRef, key, value []byte, unique []string) error {
		return members.Check(l.Kind, key, value, unique)
	}}
	totals, err = i.Check(context.Background(), o, func(f Finding) { all = append(all, f) })
	if err != nil {
		t.Fatal(err)
	}
	return all, totals
}

func TestCheckClean(t *testing.T) {
	t.Parallel()
	s, fs := checked(t)
	got, totals := findings(t, s, fs)
	if len(got) > 0 {
		t.Errorf("findings %+v, want none", got)
	}
	if want := (CheckTotals{Jobs: 2, Lists: 2, Members: 93, Rejects: 10}); totals != want {
		t.Errorf("totals %+v, want %+v", totals, want)
	}
}

// number of a job or list in a store that checked has made.
func numbers(t *testing.T, s *Store) (done, suppression, base uint64) {
	t.Helper()
	row, err := s.jobRow(s.db, jobKey{owner: checkOwner, id: "done"})
	if err != nil {
		t.Fatal(err)
	}
	lists := make([]uint64, 2)
	for i, r := range []store.ListRef{suppressed, responses} {
		list, err := s.listID(r)
		if err != nil {
			t.Fatal(err)
		}
		lists[i] = list.number
	}
	return row.Number, lists[0], lists[1]
}

// TestCheckFinds damages a row in each way and expects the finding, and that a repair
// leaves nothing of it where it can set rows aside.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	var done, sup, base uint64 // the same in every store that checked makes
	s, _ := checked(t)
	done, sup, base = numbers(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	key := jobKey{owner: checkOwner, id: "done"}
	openKey := jobKey{owner: checkOwner, id: "open"}
	junk, bounced := []byte("{junk"), append(appendMemberTimes(nil, 1, 1), "BOUNCE"...)
	for _, tt := range []struct {
		name   string
		damage func(b *pebble.Batch) error
		want   []string // code and a part of the row's name
		clean  bool     // after a repair
	}{
		{"secret", func(b *pebble.Batch) error { return b.Set(keyOfSecret("page"), junk, nil) }, []string{RowDamaged + ` secret "page"`}, false},
		{"job", func(b *pebble.Batch) error { return b.Set(keyOfJob(openKey), junk, nil) }, []string{RowDamaged + " job open"}, true},
		{"finished job", func(b *pebble.Batch) error { return b.Set(keyOfJob(key), junk, nil) }, []string{RowDamaged + " job done", RowsOrphaned + " job number"}, false},
		{"job under another key", func(b *pebble.Batch) error { return b.Set(keyOfJob(openKey), []byte(goldenJob), nil) }, []string{RowDamaged + " job open"}, true},
		{"progress", func(b *pebble.Batch) error { return b.Set(keyOfProgress(done), junk, nil) }, []string{RowDamaged + " job done"}, false},
		{"counts", func(b *pebble.Batch) error {
			return b.Set(keyOfProgress(done), []byte(`{"Counts":{"Imported":90,"Rejected":9},"Checkpoint":{"Record":100}}`), nil)
		}, []string{JobCounts + " job done", JobCounts + " job done"}, false},
		{"lost reject", func(b *pebble.Batch) error { return b.Delete(appendNumber(rejectPrefix(done), 10), nil) }, []string{JobCounts + " job done"}, false},
		{"reject", func(b *pebble.Batch) error { return b.Set(appendNumber(rejectPrefix(done), 10), []byte{200}, nil) }, []string{RowDamaged + " job done"}, false},
		{"list", func(b *pebble.Batch) error { return b.Set(keyOfList(suppressed), junk, nil) }, []string{RowDamaged + " suppression suppression", RowsOrphaned + " list number"}, false},
		{"list gone", func(b *pebble.Batch) error { return b.Delete(keyOfList(suppressed), nil) }, []string{
			IndexDangling + " suppression suppression", IndexDangling + " suppression suppression", IndexDangling + " client token", RowsOrphaned + " list number",
		}, false},
		{"list name", func(b *pebble.Batch) error { return b.Delete(keyOfListName(suppressed, "name of suppression"), nil) }, []string{IndexMissing + " suppression suppression"}, false},
		{"other list name", func(b *pebble.Batch) error {
			return b.Set(keyOfListName(suppressed, "other"), []byte("suppression"), nil)
		}, []string{IndexDangling + " suppression suppression"}, true},
		{"token", func(b *pebble.Batch) error {
			return b.Set(keyOfToken(checkOwner, tokenOfJob, "sesv2", "t-open"), junk, nil)
		}, []string{RowDamaged + " client token"}, false},
		{"member", func(b *pebble.Batch) error { return b.Set(keyOfMember(sup, "a1@example.com"), junk, nil) }, []string{MemberDamaged + " member 10 (key sha256:"}, true},
		{"member's key", func(b *pebble.Batch) error {
			return b.Set(keyOfMember(sup, "b@EXAMPLE.com"), bounced, nil)
		}, []string{MemberDamaged + " member 91 (key sha256:"}, true},
		{"unique key lost", func(b *pebble.Batch) error { return b.Delete(keyOfUniqueKey(base, "name q1"), nil) }, []string{UniqueKeyWrong + " member 2 (key"}, false},
		{"unique key of another", func(b *pebble.Batch) error { return b.Set(keyOfUniqueKey(base, "name q1"), []byte("id-2"), nil) }, []string{
			UniqueKeyWrong + " member 2 (key", UniqueKeyWrong + " unique key sha256:",
		}, false},
		{"unique key of nobody", func(b *pebble.Batch) error { return b.Set(keyOfUniqueKey(base, "name q9"), []byte("id-9"), nil) }, []string{UniqueKeyWrong + " unique key sha256:"}, true},
		{"unique keys of a member", func(b *pebble.Batch) error {
			return b.Set(keyOfMember(base, "id-1"), append(appendUniqueKeys(appendMemberTimes(nil, 1, 1), nil), `{"name":"q1"}`...), nil)
		}, []string{MemberDamaged + " member 2 (key sha256:", UniqueKeyWrong + " unique key sha256:", UniqueKeyWrong + " unique key sha256:"}, false},
		{"members of no list", func(b *pebble.Batch) error {
			return b.Set(keyOfMember(99, "a1@example.com"), bounced, nil)
		}, []string{RowsOrphaned + " list number 99"}, false},
		{"noted members", func(b *pebble.Batch) error {
			b.Set(keyOfNote(memberRange(99)), memberRange(99).end, nil)
			return b.Set(keyOfMember(99, "a1@example.com"), bounced, nil)
		}, nil, true},
		{"no table", func(b *pebble.Batch) error { return b.Set([]byte("mm"), nil, nil) }, []string{RowUnknown + " row sha256:"}, true},
		{"sequence", func(b *pebble.Batch) error { return b.Set(keyOfSequence(), appendNumber(nil, 2), nil) }, []string{
			NumberWrong + " job done", NumberWrong + " job open", NumberWrong + " quick-responses base-1",
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, fs := checked(t)
			b := s.db.NewBatch()
			if err := tt.damage(b); err != nil {
				t.Fatal(err)
			}
			if err := s.apply(b); err != nil {
				t.Fatal(err)
			}
			got, _ := findings(t, s, fs)
			expectFindings(t, got, tt.want)
			if tt.clean {
				expectRepaired(t, fs, got)
			}
		})
	}
}

// TestCheckFindsIndexes is TestCheckFinds for each index of jobs.
func TestCheckFindsIndexes(t *testing.T) {
	t.Parallel()
	for _, x := range jobIndexes {
		for name, tt := range map[string]struct {
			damage func(b *pebble.Batch, open, done *job.Job)
			want   string // empty for nothing
			clean  bool
		}{
			"without a job": {func(b *pebble.Batch, open, _ *job.Job) {
				open.ID = "gone"
				b.Set(x.key(open), []byte(open.State), nil)
			}, IndexDangling + " job gone", true},
			"missing": {func(b *pebble.Batch, open, done *job.Job) {
				b.Delete(x.key(map[bool]*job.Job{true: done, false: open}[x.ended]), nil)
			}, IndexMissing + map[bool]string{true: " job done", false: " job open"}[x.ended], false},
			"not ended": {func(b *pebble.Batch, open, _ *job.Job) {
				if x.ended {
					b.Set(x.key(open), nil, nil)
				} else {
					b.Set([]byte{x.table, 200}, nil, nil)
				}
			}, map[bool]string{true: IndexDangling + " job open", false: RowUnknown + " " + x.name}[x.ended], true},
			"bad key": {func(b *pebble.Batch, _, _ *job.Job) { b.Set([]byte{x.table, 200}, nil, nil) }, RowUnknown + " " + x.name, true},
			"of another": {func(b *pebble.Batch, open, _ *job.Job) {
				open.Created, open.Wire, open.Destination.List = open.Created.Add(time.Hour), "other", "other"
				b.Set(x.key(open), []byte(open.State), nil)
			}, IndexDangling + " job open", true},
			"final": {func(b *pebble.Batch, _, done *job.Job) {
				if x.unfinished {
					b.Set(x.key(done), []byte(job.Processing), nil)
				} else {
					b.Set(append(x.prefix(done.Owner), 0), nil, nil)
				}
			}, map[bool]string{true: IndexDangling + " job done", false: RowUnknown + " " + x.name}[x.unfinished], true},
		} {
			t.Run(x.name+" "+name, func(t *testing.T) {
				t.Parallel()
				s, fs := checked(t)
				var jobs [2]job.Job
				for i, id := range []job.ID{"open", "done"} {
					row, err := s.jobRow(s.db, jobKey{owner: checkOwner, id: id})
					if err != nil {
						t.Fatal(err)
					}
					jobs[i] = row.Job
				}
				b := s.db.NewBatch()
				tt.damage(b, &jobs[0], &jobs[1])
				if err := s.apply(b); err != nil {
					t.Fatal(err)
				}
				got, _ := findings(t, s, fs)
				expectFindings(t, got, []string{tt.want})
				if tt.clean {
					expectRepaired(t, fs, got)
				}
			})
		}
	}
}

func expectFindings(t *testing.T, got []Finding, want []string) {
	t.Helper()
	matches := func(f Finding, w string) bool { return strings.HasPrefix(f.Code+" "+f.Row, w) }
	if len(got) != len(want) {
		t.Errorf("%d findings, want %d %q: %+v", len(got), len(want), want, got)
	}
	for _, w := range want {
		if !slices.ContainsFunc(got, func(f Finding) bool { return matches(f, w) }) {
			t.Errorf("no finding %q among %+v", w, got)
		}
	}
	for _, f := range got {
		if strings.Contains(f.Row+f.Problem, "@") {
			t.Errorf("finding %+v names an address", f)
		}
	}
}

// expectRepaired sets aside what the findings say, and expects that nothing but a note
// about that is found afterwards.
func expectRepaired(t *testing.T, fs vfs.FS, all []Finding) {
	t.Helper()
	s, err := Open("store", Options{FS: fs})
	if err != nil {
		t.Fatalf("open with damaged rows: %v", err)
	}
	s.Quiet()
	for _, f := range all {
		if err := s.SetAside(f.SetAside); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := findings(t, s, fs)
	got = slices.DeleteFunc(got, func(f Finding) bool { return f.Code == RowsSetAside })
	if len(got) > 0 {
		t.Errorf("after the repair: %+v, want no findings", got)
	}
}
