package pgstore_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
)

// TestStartIsRefused has settings that no waiting mends. Each is refused with a sentence of
// its own, and without the password.
func TestStartIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(t *testing.T, database string) string
		want   string
	}{
		"read-only role": {func(_ *testing.T, u string) string { return u + "&default_transaction_read_only=on" }, "default_transaction_read_only is on"},
		"no TLS": {func(_ *testing.T, u string) string {
			return strings.Replace(u, "sslmode=disable", "sslmode=require", 1)
		}, "does not offer TLS"},
		"no database":                         {func(_ *testing.T, u string) string { return strings.Replace(u, "/postgres?", "/nowhere?", 1) }, "the database of the URL is not there"},
		"no schema":                           {func(_ *testing.T, u string) string { return u + "x" }, "no schema of the user's search_path"},
		"no role":                             {func(_ *testing.T, u string) string { return strings.Replace(u, "sluice@", "nobody@", 1) }, "does not let the user in"},
		"no parameter":                        {func(_ *testing.T, u string) string { return u + "&no_such_parameter=1" }, "does not take a setting of the URL"},
		"another server":                      {func(t *testing.T, _ string) string { return otherServer(t) + "?sslmode=disable" }, "is no PostgreSQL"},
		"another server, with or without TLS": {func(t *testing.T, _ string) string { return otherServer(t) + "?sslmode=prefer" }, "is no PostgreSQL"},
		"no URL":                              {func(*testing.T, string) string { return "postgres://sluice:hunter2@[::1/db" }, "the URL of the database"},
		"no rights": {func(t *testing.T, u string) string {
			v, err := url.Parse(u)
			if err != nil {
				t.Fatal(err)
			}
			schema := v.Query().Get("search_path")
			exec(t, u, fmt.Sprintf("CREATE ROLE poor%s LOGIN; GRANT USAGE ON SCHEMA %[1]s TO poor%[1]s", schema))
			v.User = url.UserPassword("poor"+schema, "hunter2")
			return v.String()
		}, "the user may not make and write the tables"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pgstore.Open(ctx, c.change(t, pgtest.Start(t)), pgstore.Options{})
			if err == nil || fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Internal) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open: %v (%v), want a refusal with %q", err, fault.KindOf(err), c.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Open: the error has the password: %v", err)
			}
		})
	}
}

// TestStandbyMayBePromoted starts on a standby, before and after it takes the place of its
// primary.
func TestStandbyMayBePromoted(t *testing.T) {
	t.Parallel()
	primary := pgtest.New(t)
	database := primary.URL(t)
	open(t, database, pgstore.Options{}).Close()
	standby := primary.Standby(t)
	there := strings.Replace(database, primary.Address(), standby.Address(), 1)
	_, err := pgstore.Open(ctx, there, pgstore.Options{Patience: time.Second})
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "standby") {
		t.Errorf("Open of a standby: %v, want Unavailable, and that it is one", err)
	}
	primary.Crash(t)
	standby.Promote(t)
	open(t, there, pgstore.Options{}).Close()
}

// TestCertificateIsNotAccepted starts on a server whose certificate nobody trusts.
func TestCertificateIsNotAccepted(t *testing.T) {
	t.Parallel()
	web := httptest.NewUnstartedServer(nil) // for its certificate
	web.StartTLS()
	defer web.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := io.ReadFull(c, make([]byte, 8)); err == nil { // the request for TLS
				_, _ = c.Write([]byte("S"))
				_ = tls.Server(c, web.TLS).Handshake()
			}
			_ = c.Close()
		}
	}()
	_, err = pgstore.Open(ctx, "postgres://sluice@"+l.Addr().String()+"/sluice?sslmode=verify-full", pgstore.Options{})
	if want := "the certificate of the database server is not accepted"; !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
		t.Errorf("Open: %v, want Invalid, %q", err, want)
	}
}

// otherServer returns the URL of a database where there is a server of another protocol.
func otherServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.9\r\n")
			_, _ = c.Read(make([]byte, 4096)) // or closing would take the words back
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-ended })
	return "postgres://sluice:hunter2@" + l.Addr().String() + "/db"
}
