package pgtest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
)

func TestCrashKeepsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := pgtest.New(t)
	url := s.URL(t)
	query := func(sql string) (n int) {
		t.Helper()
		c, err := pgx.Connect(ctx, url)
		if err != nil {
			t.Fatalf("connect: %v", err)
		}
		defer c.Close(ctx)
		if err := c.QueryRow(ctx, sql).Scan(&n); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		return n
	}
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	if _, err := c.Exec(ctx, "CREATE TABLE t (n int); INSERT INTO t VALUES (7)"); err != nil {
		t.Fatalf("create table: %v", err)
	}
	s.Restart(t)
	if err := c.Ping(ctx); err == nil {
		t.Error("the connection outlived the crash")
	}
	if n := query("SELECT n FROM t"); n != 7 {
		t.Errorf("after the crash n = %d, want 7", n)
	}
}

func TestSchemasAreApart(t *testing.T) {
	t.Parallel()
	if a, b := pgtest.Start(t), pgtest.Start(t); a == b {
		t.Errorf("Start gave %s twice", a)
	}
}

func TestStandbyHasWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := pgtest.New(t)
	standby := s.Standby(t)
	url := s.URL(t)
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	if _, err := c.Exec(ctx, "CREATE TABLE t AS SELECT 7 AS n"); err != nil {
		t.Fatalf("create table: %v", err)
	}
	s.Crash(t)
	standby.Promote(t)
	p, err := pgx.Connect(ctx, strings.Replace(url, s.Address(), standby.Address(), 1))
	if err != nil {
		t.Fatalf("connect to the promoted standby: %v", err)
	}
	defer p.Close(context.WithoutCancel(ctx))
	n := 0
	if err := p.QueryRow(ctx, "SELECT n FROM t").Scan(&n); err != nil || n != 7 {
		t.Errorf("after the promotion n = %d, %v; want 7", n, err)
	}
}
