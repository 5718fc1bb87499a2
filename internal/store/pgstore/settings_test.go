package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
)

// foreignSettings are what a role or a database may have as defaults for its sessions.
const foreignSettings = "&default_transaction_isolation=serializable&statement_timeout=77777" +
	"&lock_timeout=77777&idle_in_transaction_session_timeout=77777"

// sqlRefuseForeignSettings makes every write fail that runs with them.
const sqlRefuseForeignSettings = `
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF current_setting('transaction_isolation') <> 'read committed' OR '77777ms' IN (current_setting('statement_timeout'),
			current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'))
		THEN RAISE EXCEPTION 'a write with the settings of the session'; END IF;
		RETURN NULL; END $$;
	DO $$ DECLARE t text; BEGIN
		FOREACH t IN ARRAY ARRAY['jobs', 'lists', 'members', 'rejects', 'unique_keys', 'tokens', 'secrets', 'garbage', 'locks']
		LOOP EXECUTE format('CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON %I EXECUTE FUNCTION refuse()', t);
		END LOOP; END $$`

func TestTransactionsHaveTheirOwnSettings(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"", "&default_query_exec_mode=exec", "&default_query_exec_mode=simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			url := pgtest.Start(t)
			open(t, url, pgstore.Options{}).Close()
			exec(t, url, sqlRefuseForeignSettings)
			s := open(t, url+foreignSettings+mode, pgstore.Options{})
			defer s.Close()
			background, stop := context.WithCancel(ctx)
			var all sync.WaitGroup
			all.Go(func() { _ = s.Run(background) })
			defer all.Wait()
			defer stop()
			do := func(what string, err error) {
				t.Helper()
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			do("Ping", s.Ping(ctx))
			_, err := s.Secret(ctx, "s")
			do("Secret", err)
			l := started(t, s, theList, time.Hour)
			ended(t, s, "old")
			do("PutMember", s.PutMember(ctx, theList, "m", nil, time.Now(), store.PutOptions{}))
			do("PutMember with a limit", s.PutMember(ctx, theList, "n", nil, time.Now(), store.PutOptions{Max: 9}))
			do("ChangeMember", extended(s, theList, "m"))
			do("DeleteMember", s.DeleteMember(ctx, theList, "m"))
			_, err = s.Renew(ctx, l, time.Hour)
			do("Renew", err)
			_, err = s.Commit(ctx, l, prepare(t, s, l, record.Position{}, "put a 1", "del b", "bad c"))
			do("Commit", err)
			_, err = s.Finish(ctx, l, store.Outcome{State: job.Completed})
			do("Finish", err)
			do("DeleteJob", s.DeleteJob(ctx, alice, "old"))
			do("DeleteList", s.DeleteList(ctx, theList))
		})
	}
}

// TestRenewalBesideABatch renews a lease in the middle of a batch, which under the
// isolation level of this session would have the batch begin again.
func TestRenewalBesideABatch(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	open(t, url, pgstore.Options{}).Close()
	exec(t, url, `CREATE TABLE attempts (n int); CREATE FUNCTION count_attempt() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN INSERT INTO attempts VALUES (1); RETURN NULL; END $$;
		CREATE TRIGGER count_attempt AFTER INSERT ON members EXECUTE FUNCTION count_attempt()`)
	const settings = "&default_transaction_isolation=repeatable%20read"
	proxy := pgtest.NewProxy(t, url+settings+"&default_query_exec_mode=exec")
	s, other := open(t, proxy.URL, pgstore.Options{}), open(t, url+settings, pgstore.Options{})
	defer other.Close()
	defer s.Close()
	l := started(t, s, theList, time.Hour)
	p := prepare(t, s, l, record.Position{}, "put a 1")
	proxy.Arm("UPDATE jobs SET imported", pgtest.Freeze)
	outcome := make(chan error)
	go func() {
		_, err := s.Commit(ctx, l, p)
		outcome <- err
	}()
	for proxy.Struck() == 0 {
		time.Sleep(time.Millisecond)
	}
	if _, err := other.Renew(ctx, l, time.Hour); err != nil {
		t.Errorf("Renew: %v", err)
	}
	proxy.Thaw()
	if err := <-outcome; err != nil {
		t.Errorf("Commit: %v", err)
	}
	// A second attempt would have found the member there, and added it a second time.
	if n := ask(t, url, `SELECT count(*)::text FROM attempts`); n != "1" {
		t.Errorf("the batch put members %s times, want once", n)
	}
}

// TestCancelledBatchIsHalved has statements cancelled that put more than some members, as
// a pool does with those that take too long.
func TestCancelledBatchIsHalved(t *testing.T) {
	t.Parallel()
	const records, most = 9000, 100
	url := pgtest.Start(t)
	s := open(t, url, pgstore.Options{})
	defer s.Close()
	exec(t, url, fmt.Sprintf(`CREATE FUNCTION cancel() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF (SELECT count(*) FROM rows) > %d THEN RAISE EXCEPTION 'too long' USING ERRCODE = '57014'; END IF;
		RETURN NULL; END $$`, most))
	for _, on := range []string{"INSERT ON members REFERENCING NEW", "INSERT ON rejects REFERENCING NEW", "DELETE ON members REFERENCING OLD"} {
		name := strings.ReplaceAll(on, " ", "_")
		exec(t, url, "CREATE TRIGGER "+name+" AFTER "+on+" TABLE AS rows EXECUTE FUNCTION cancel()")
	}
	l := started(t, s, theList, time.Hour)
	var puts, deletes []string
	for i := range records {
		puts = append(puts, fmt.Sprintf("put k%d %d", i, i), "bad b")
		deletes = append(deletes, fmt.Sprintf("del k%d", i))
	}
	counts, err := s.Commit(ctx, l, prepare(t, s, l, record.Position{}, puts...))
	if want := (job.Counts{Imported: records, Rejected: records}); err != nil || counts != want {
		t.Fatalf("Commit: %+v, %v; want %+v", counts, err, want)
	}
	if got := members(t, s); got != records {
		t.Errorf("there are %d members, want %d", got, records)
	}
	if m, err := s.Member(ctx, theList, "k4321"); err != nil || string(m.Value) != "4321" {
		t.Errorf("a member is %q, %v; want 4321", m.Value, err)
	}
	if _, err := s.Commit(ctx, l, prepare(t, s, l, record.Position{Record: 2 * records}, deletes...)); err != nil {
		t.Errorf("Commit of deletes: %v", err)
	}
	if got := members(t, s); got != 0 {
		t.Errorf("there are %d members after they were deleted, want none", got)
	}
}

// TestCallsEndWithoutAConnection holds all connections that there may be.
func TestCallsEndWithoutAConnection(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.Start(t), pgstore.Options{MaxConns: 2, Patience: 3 * time.Second})
	defer s.Close()
	started(t, s, theList, time.Hour)
	ended(t, s, "j2")
	held, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	for _, id := range []job.ID{"j", "j2"} {
		all.Go(func() {
			_, err := s.ChangeJob(ctx, alice, id, func(*job.Job) error {
				held <- struct{}{}
				<-release
				return errors.New("no change")
			})
			if err == nil {
				t.Error("ChangeJob: no error, want that of the change")
			}
		})
	}
	<-held
	<-held
	for what, err := range map[string]error{
		"PutMember": s.PutMember(ctx, theList, "a", nil, time.Now(), store.PutOptions{}),
		"ChangeMember": func() error {
			_, err := s.ChangeMember(ctx, theList, "a", time.Now(), func(*store.Member) error { return nil })
			return err
		}(),
	} {
		if got, want := fault.Message(err), "no connection to the database is free"; !fault.Is(err, fault.Unavailable) || got != want {
			t.Errorf("%s without a free connection: %v, want Unavailable, %q", what, err, want)
		}
	}
	close(release)
	all.Wait()
}

// TestCallsEndAtALock waits for a row that another transaction keeps.
func TestCallsEndAtALock(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	s, other := open(t, url, pgstore.Options{Patience: 3 * time.Second}), open(t, url, pgstore.Options{})
	defer other.Close()
	defer s.Close()
	started(t, s, theList, time.Hour)
	if err := s.PutMember(ctx, theList, "a", nil, time.Now(), store.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	other.KeepIdleTransactions()
	held, release, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = other.ChangeMember(ctx, theList, "a", time.Now(), func(*store.Member) error {
			held <- struct{}{}
			<-release
			return nil
		})
	}()
	<-held
	err := s.PutMember(ctx, theList, "a", []byte("x"), time.Now(), store.PutOptions{})
	if want := "the database took too long"; !fault.Is(err, fault.Unavailable) || fault.Message(err) != want {
		t.Errorf("PutMember: %v, want Unavailable, %q", err, want)
	}
	close(release)
	<-ended
}

// TestDatabaseIsFull has the database refuse to make its files longer.
func TestDatabaseIsFull(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	s := open(t, url, pgstore.Options{})
	defer s.Close()
	started(t, s, theList, time.Hour)
	exec(t, url, `CREATE TABLE full_disk AS SELECT true AS yes;
		CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF (SELECT yes FROM full_disk) AND NEW::text LIKE '%space%' OR TG_TABLE_NAME = 'members' AND (SELECT yes FROM full_disk)
		THEN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END IF; RETURN NEW; END $$;
		CREATE TRIGGER fill BEFORE INSERT ON members FOR EACH ROW EXECUTE FUNCTION fill();
		CREATE TRIGGER fill BEFORE INSERT ON secrets FOR EACH ROW EXECUTE FUNCTION fill()`)
	put := func() error {
		return s.PutMember(ctx, theList, "a", nil, time.Now(), store.PutOptions{})
	}
	const want = "the database is out of space"
	if err := s.Ping(ctx); err != nil {
		t.Errorf("Ping before a write was refused: %v", err)
	}
	if err := put(); !fault.Is(err, fault.StorageFull) || fault.Message(err) != want {
		t.Errorf("PutMember: %v, want StorageFull, %q", err, want)
	}
	for range 2 { // a small write may still find room
		if err := s.Ping(ctx); !fault.Is(err, fault.StorageFull) || fault.Message(err) != want {
			t.Errorf("Ping: %v, want StorageFull, %q", err, want)
		}
	}
	exec(t, url, `UPDATE full_disk SET yes = false`)
	for _, err := range []error{s.Ping(ctx), put(), s.Ping(ctx)} {
		if err != nil {
			t.Errorf("when there is space again: %v", err)
		}
	}
}
