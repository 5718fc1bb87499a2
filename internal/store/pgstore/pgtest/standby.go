package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Standby runs a server that follows s, and returns when s waits for it: from then on
// what s has acknowledged is on the standby.
//
// https://www.postgresql.org/docs/15/warm-standby.html#SYNCHRONOUS-REPLICATION
func (s *Server) Standby(tb testing.TB) *Server {
	tb.Helper()
	// pg_ctl waits for a standby until it can be read, which needs this.
	standby, err := run(s.bin, append([]string{"hot_standby=on"}, s.settings...), func(standby *Server) error {
		return standby.run("pg_basebackup", "-D", standby.data(), "-X", "stream", "-c", "fast", "--no-sync",
			"-R", "-d", fmt.Sprintf("host=127.0.0.1 port=%d user=sluice", s.port))
	})
	if err != nil {
		tb.Fatalf("start a standby: %v", err)
	}
	tb.Cleanup(func() { standby.stop(tb) })
	c, err := pgx.Connect(tb.Context(), s.url())
	if err != nil {
		tb.Fatalf("connect to PostgreSQL: %v", err)
	}
	defer c.Close(context.Background())
	for _, sql := range []string{"ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"} {
		if _, err := c.Exec(tb.Context(), sql); err != nil {
			tb.Fatalf("%s: %v", sql, err)
		}
	}
	ctx, cancel := context.WithTimeout(tb.Context(), 5*time.Minute)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		var n int
		if err := c.QueryRow(ctx, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'").Scan(&n); err != nil {
			log, _ := os.ReadFile(filepath.Join(standby.dir, "log"))
			tb.Fatalf("wait for a standby: %v\n%s", err, log)
		}
		if n == 1 {
			tick.Stop()
			return standby
		}
		<-tick.C
	}
}

// Promote makes a standby a server of its own, which can be written to.
func (s *Server) Promote(tb testing.TB) {
	tb.Helper()
	s.control(tb, "promote")
}
