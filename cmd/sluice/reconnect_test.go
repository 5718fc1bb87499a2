package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/gateway/jobs"
)

// behindProxy returns a client of a running server whose requests pass through front; it
// passes those on that it wants the server to see.
func behindProxy(t *testing.T, s *running, front func(w http.ResponseWriter, r *http.Request, pass http.Handler)) *client {
	t.Helper()
	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(to)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { front(w, r, pass) }))
	t.Cleanup(proxy.Close)
	through := s.target
	through.URL, through.data = proxy.URL, ""
	c, err := through.client()
	if err != nil {
		t.Fatal(err)
	}
	c.s3 = ""
	return c
}

func addressFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(path, []byte("address\nann@example.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestImportSurvivesLostConnections: a server that goes away while the import is watched
// is waited for.
func TestImportSurvivesLostConnections(t *testing.T) {
	t.Parallel()
	var polls atomic.Int32
	c := behindProxy(t, launch(t, t.TempDir()), func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetAddressListImportJob") {
			switch polls.Add(1) {
			case 1:
				panic(http.ErrAbortHandler) // as when the process is killed
			case 2:
				w.WriteHeader(http.StatusServiceUnavailable) // as when it starts again
				return
			}
		}
		pass.ServeHTTP(w, r)
	})
	var out, errs strings.Builder
	dst := &addressList{listName{kind: "address-list", word: "partners"}}
	w := &watcher{out: &out, errs: &errs, wait: time.Minute}
	if err := importFile(t.Context(), c, dst, addressFile(t), "CSV", true, w); err != nil {
		t.Fatalf("import: %v", err)
	}
	if got, want := out.String(), "1 imported, 0 rejected"; !strings.Contains(got, want) {
		t.Errorf("printed %q, want %q in it", got, want)
	}
	for _, want := range []string{"lost the connection: ", "waiting up to 1m for the server; job job-", "connected again\n"} {
		if got := errs.String(); strings.Count(got, want) != 1 {
			t.Errorf("printed %q, want %q in it once", got, want)
		}
	}
}

// TestImportGivesUp: when the server stays away, the error says how to continue.
func TestImportGivesUp(t *testing.T) {
	t.Parallel()
	c := behindProxy(t, launch(t, t.TempDir()), func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetAddressListImportJob") {
			panic(http.ErrAbortHandler)
		}
		pass.ServeHTTP(w, r)
	})
	var out, errs strings.Builder
	dst := &addressList{listName{kind: "address-list", word: "partners"}}
	w := &watcher{out: &out, errs: &errs, wait: time.Millisecond}
	err := importFile(t.Context(), c, dst, addressFile(t), "CSV", true, w)
	for _, want := range []string{"no answer for 1ms: ", "goes on when the server is back: sluice job job-", " --watch"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

// TestInterruptedUpload leaves no job behind that waits for its file, and no list.
func TestInterruptedUpload(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancelCause(t.Context())
	s := launch(t, t.TempDir())
	c := behindProxy(t, s, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if r.Method == http.MethodPut {
			interrupt(interruption{syscall.SIGINT})
			panic(http.ErrAbortHandler)
		}
		pass.ServeHTTP(w, r)
	})
	var out, errs strings.Builder
	dst := &addressList{listName{kind: "address-list", word: "partners"}}
	err := importFile(ctx, c, dst, addressFile(t), "CSV", false, &watcher{out: &out, errs: &errs})
	if err == nil || !strings.Contains(err.Error(), "there is no address list") {
		t.Fatalf("import without --create: %v, want an error about the list", err)
	}
	if err := dst.find(ctx, c, true); err != nil {
		t.Fatal(err)
	}
	existing := &addressList{listName{kind: "address-list", word: "partners"}}
	err = importFile(ctx, c, existing, addressFile(t), "CSV", false, &watcher{out: &out, errs: &errs})
	var own coded
	if !errors.As(err, &own) || own.exitCode() != 130 {
		t.Errorf("error %v, want one with exit code 130", err)
	}
	if want := "interrupted during the upload; job job-"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q in it", err, want)
	}
	var page jobs.Page
	if err := c.rest(t.Context(), ownAPI, http.MethodGet, ownPath, nil, &page); err != nil {
		t.Fatal(err)
	}
	if len(page.Jobs) != 1 || page.Jobs[0].State != "stopped" {
		t.Errorf("jobs %+v, want one that is stopped", page.Jobs)
	}
}
