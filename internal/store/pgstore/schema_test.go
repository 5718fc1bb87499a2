package pgstore_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
)

func TestNodesOpenAtOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	secrets := make([]string, 6)
	var all sync.WaitGroup
	for i := range secrets {
		all.Go(func() {
			s, err := pgstore.Open(ctx, url, pgstore.Options{MaxConns: 2})
			if err != nil {
				t.Errorf("Open: %v", err)
				return
			}
			defer s.Close()
			secret, err := s.Secret(ctx, "s")
			if err != nil {
				t.Errorf("Secret: %v", err)
			}
			secrets[i] = string(secret)
		})
	}
	all.Wait()
	for _, s := range secrets {
		if s != secrets[0] || s == "" {
			t.Fatalf("secrets of nodes differ: %q", secrets)
		}
	}
}

// TestNewerSchema opens a database that a later release has been at: it may have
// tables and columns more.
func TestNewerSchema(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	open(t, url, pgstore.Options{}).Close()
	exec(t, url, `INSERT INTO sluice_schema (version_id, is_applied) VALUES (1000, true);
		ALTER TABLE jobs ADD COLUMN later text NOT NULL DEFAULT 'x';
		ALTER TABLE members ADD COLUMN later bigint;
		ALTER TABLE rejects ADD COLUMN later bigint;
		ALTER TABLE lists ADD COLUMN later text; CREATE TABLE later (n bigint)`)
	s := open(t, url, pgstore.Options{})
	defer s.Close()
	l := started(t, s, theList, time.Minute)
	counts, err := s.Commit(ctx, l, prepare(t, s, l, record.Position{}, "put a 1", "bad b"))
	if want := (job.Counts{Imported: 1, Rejected: 1}); err != nil || counts != want {
		t.Errorf("Commit: %+v, %v; want %+v", counts, err, want)
	}
}

// TestFormerSchema opens a database that the former release has made, and then works
// beside it.
func TestFormerSchema(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	open(t, url, pgstore.Options{}).Close()
	exec(t, url, `DROP TABLE unique_keys; DROP TABLE garbage; DROP INDEX tokens_id;
		CREATE TABLE removals (list bigint NOT NULL, since timestamptz NOT NULL, PRIMARY KEY (list));
		INSERT INTO removals VALUES (99, now());
		CREATE TABLE words (list bigint NOT NULL, word text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, PRIMARY KEY (list, word));
		INSERT INTO words VALUES (7, 'name n', 'k');
		CREATE TABLE leftovers (part text COLLATE "C" NOT NULL, number bigint NOT NULL, since timestamptz NOT NULL, PRIMARY KEY (part, number));
		INSERT INTO leftovers VALUES ('words', 98, now()), ('rejects', 97, now());
		ALTER TABLE lists DROP COLUMN unique_keys, DROP COLUMN caller_op, ADD COLUMN changed_by text;
		ALTER TABLE jobs DROP COLUMN caller_op, DROP COLUMN worker_op, ADD COLUMN changed_by text, ADD COLUMN stepped_by text;
		ALTER TABLE jobs DROP COLUMN claimable_at;
		ALTER TABLE jobs DROP COLUMN config, DROP COLUMN list_number, DROP COLUMN attempts, DROP COLUMN failures,
			DROP COLUMN last_error, DROP COLUMN wait_reason, DROP COLUMN wait_since, DROP COLUMN wait_until,
			DROP COLUMN avoid_holder, DROP COLUMN avoid_until;
		DROP INDEX jobs_ended, jobs_of_list_ended, jobs_leases; CREATE INDEX jobs_waiting ON jobs (waiting_since) WHERE ready;
		DELETE FROM sluice_schema WHERE version_id > 1`)
	const insert = `INSERT INTO jobs (account, region, id, wire, name, kind, list, action,
		bucket, object, version, etag, size, format, state, ready, error, report, created)
		VALUES ('111111111111', 'eu-west-1', '%[1]s', 'mailmanager', '', 'address-list', 'l', 'PUT',
		'', '', '', '', 0, '', 'stopped', false, '', '', now());
		INSERT INTO tokens (account, region, thing, kind, token, input, id)
		VALUES ('111111111111', 'eu-west-1', 'job', 'mailmanager', 't%[1]s', '', '%[1]s')`
	exec(t, url, fmt.Sprintf(insert, "before"))
	exec(t, url, `INSERT INTO lists (account, region, kind, id, name, created, updated)
		VALUES ('111111111111', 'eu-west-1', 'address-list', 'l', 'l', now(), now()), ('111111111111', 'eu-west-1', 'quick-responses', 'b', 'b', now(), now())`)
	s := open(t, url, pgstore.Options{})
	defer s.Close()
	for r, want := range map[store.ListRef]bool{theList: false, theBase: true} {
		if l, err := s.List(ctx, r); err != nil || l.UniqueKeys != want {
			t.Errorf("List %s: UniqueKeys %t, %v; want %t", r.ID, l.UniqueKeys, err, want)
		}
	}
	for sql, want := range map[string]string{
		`SELECT string_agg(part || ' ' || number, ', ' ORDER BY part) FROM garbage`:            "members 99, rejects 97, unique_keys 98",
		`SELECT string_agg(list || ' ' || unique_key || ' ' || member, ', ') FROM unique_keys`: "7 name n k",
	} {
		if got := ask(t, url, sql); got != want {
			t.Errorf("%s:\n got %s\nwant %s", sql, got, want)
		}
	}
	exec(t, url, fmt.Sprintf(insert, "after"))
	for _, id := range []job.ID{"before", "after"} {
		if j, err := s.Job(ctx, alice, id); err != nil || j.Config != nil {
			t.Errorf("Job %s: config %q, %v; want none", id, j.Config, err)
		}
		j, err := s.ChangeJob(ctx, alice, id, func(j *job.Job) error { j.Config = []byte("c"); return nil })
		if err != nil || string(j.Config) != "c" {
			t.Errorf("ChangeJob %s: config %q, %v; want c", id, j.Config, err)
		}
		if err := s.DeleteJob(ctx, alice, id); err != nil {
			t.Errorf("DeleteJob %s: %v", id, err)
		}
	}
	if left := ask(t, url, `SELECT count(*)::text FROM tokens`); left != "0" {
		t.Errorf("%s tokens are left of deleted jobs, want none", left)
	}
}

// TestMigrationsRunAgain is what happens when a node dies in the middle of one.
func TestMigrationsRunAgain(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	s := open(t, url, pgstore.Options{})
	defer s.Close()
	if _, err := s.CreateList(ctx, newList(theBase), store.Once{}, 0); err != nil {
		t.Fatalf("CreateList: %v", err)
	}
	if err := putNamed(s, "a", "one"); err != nil {
		t.Fatalf("PutMember: %v", err)
	}
	exec(t, url, `DELETE FROM sluice_schema WHERE version_id > 0`)
	again := open(t, url, pgstore.Options{})
	defer again.Close()
	if err := putNamed(again, "b", "one"); !fault.Is(err, fault.AlreadyExists) {
		t.Errorf("PutMember with a unique key that is taken: %v, want AlreadyExists", err)
	}
}

// TestTablesCanBeJoined is what a team does with them.
func TestTablesCanBeJoined(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	s := open(t, url, pgstore.Options{})
	defer s.Close()
	l := started(t, s, theList, time.Minute)
	if _, err := s.Commit(ctx, l, prepare(t, s, l, record.Position{}, "put jo@example.com 1", "bad b", "put al@example.com 2")); err != nil {
		t.Fatalf("Commit: %v", err)
	}
	for sql, want := range map[string]string{
		`SELECT string_agg(m.key, ' ' ORDER BY m.key) FROM members m JOIN lists l ON l.number = m.list
			WHERE l.account = '111111111111' AND l.name = 'name'`: "al@example.com jo@example.com",
		`SELECT string_agg(r.reason || ' ' || r.record, ' ') FROM rejects r JOIN jobs j ON j.number = r.job WHERE j.id = 'j'`: "the record says so 2",
		`SELECT state || ' ' || imported || ' ' || rejected FROM jobs`:                                                        "processing 2 1",
	} {
		if got := ask(t, url, sql); got != want {
			t.Errorf("%s:\n got %s\nwant %s", sql, got, want)
		}
	}
}

// ask asks as somebody else would, with psql.
func ask(t testing.TB, url, sql string) (answer string) {
	t.Helper()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer c.Close(ctx)
	if err := c.QueryRow(ctx, sql).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return answer
}

// TestManyJobsOneList imports from several jobs into one list at once, the same members
// in different orders, while somebody deletes some of them.
func TestManyJobsOneList(t *testing.T) {
	t.Parallel()
	const jobs, batches, members = 4, 6, 300
	s := open(t, pgtest.Start(t), pgstore.Options{Patience: time.Minute})
	defer s.Close()
	leases := []job.Lease{started(t, s, theList, time.Hour)}
	for i := 1; i < jobs; i++ {
		if _, err := s.CreateJob(ctx, newJob(fmt.Sprint("j", i), theList), store.Once{}, 0); err != nil {
			t.Fatalf("CreateJob: %v", err)
		}
		j, ok, err := s.Claim(ctx, store.Wanted{Holder: "w", Lease: time.Hour})
		if err != nil || !ok {
			t.Fatalf("Claim: %t, %v; want a job", ok, err)
		}
		leases = append(leases, j.Lease)
	}
	var all sync.WaitGroup
	for n, l := range leases {
		all.Go(func() {
			at := record.Position{}
			for i := range batches {
				var texts []string
				for k := range members {
					verb := "put"
					if n == jobs-1 {
						verb = "del"
					}
					texts = append(texts, fmt.Sprintf("%s k%d %d", verb, (k*(7+2*n)+i)%members, n))
				}
				if _, err := s.Commit(ctx, l, prepare(t, s, l, at, append(texts, "bad x")...)); err != nil {
					t.Errorf("Commit %d of job %d: %v", i, n, err)
					return
				}
				at.Record += members + 1
			}
		})
	}
	all.Go(func() {
		for i := range 200 {
			err := s.DeleteMember(ctx, theList, fmt.Sprint("k", i))
			if err != nil && !fault.Is(err, fault.NotFound) {
				t.Errorf("DeleteMember: %v", err)
			}
		}
	})
	all.Wait()
	for _, l := range leases {
		j, err := s.Job(ctx, alice, l.Job)
		if want := (job.Counts{Imported: batches * members, Rejected: batches}); err != nil || j.Counts != want {
			t.Errorf("counts of job %s: %+v, %v; want %+v", l.Job, j.Counts, err, want)
		}
	}
}

func TestTextThatIsNone(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.Start(t), pgstore.Options{})
	defer s.Close()
	l := started(t, s, theList, time.Hour)
	j := newJob("j2", theList)
	j.Name = "a\x00"
	if _, err := s.CreateJob(ctx, j, store.Once{}, 0); !fault.Is(err, fault.Invalid) {
		t.Errorf("CreateJob with a NUL in its name: %v, want Invalid", err)
	}
	got, err := s.Finish(ctx, l, store.Outcome{State: job.Failed, Error: "cannot read \"\x00\xff\""})
	if want := "cannot read \"\uFFFD\uFFFD\""; err != nil || got.Error != want {
		t.Errorf("Finish: error %q, %v; want %q", got.Error, err, want)
	}
}
