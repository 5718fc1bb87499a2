package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/api/adminapi"
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
	through := s.clientConfig
	through.URL, through.data = proxy.URL, ""
	c, err := through.client()
	if err != nil {
		t.Fatal(err)
	}
	c.s3 = ""
	return c
}

// importRows runs the import command over a client that waits for its server.
func importRows(ctx context.Context, t *testing.T, c *client, dst importer, create bool, wait time.Duration, out, errs io.Writer) error {
	t.Helper()
	c.reconnect = &reconnector{wait: wait, notes: errs}
	return importText(ctx, t, c, dst, rowsOf[reflect.TypeOf(dst)], create, &watcher{out: out, errs: errs})
}

// importText imports a file of that text.
func importText(ctx context.Context, t *testing.T, c *client, dst importer, text string, create bool, w *watcher) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := openFile(ctx, path, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	return importFile(ctx, c, dst, &f.file, create, w, "sluice import rows.csv")
}

// rowsOf has a file of one record for each destination.
var rowsOf = map[reflect.Type]string{
	reflect.TypeFor[*addressList]():    "address\nann@example.com\n",
	reflect.TypeFor[*contactList]():    "emailAddress\nann@example.com\n",
	reflect.TypeFor[*suppression]():    "emailAddress,reason\nann@example.com,BOUNCE\n",
	reflect.TypeFor[*quickResponses](): "Name,Content\nhello,Hello\n",
}

// importers returns an importer of each kind.
func importers() []importer {
	return []importer{
		&addressList{listName{kind: "address-list", ref: "partners"}},
		&contactList{listName: listName{kind: "contact-list", ref: "friends"}, action: "PUT"},
		&suppression{action: "PUT"},
		&quickResponses{listName: listName{kind: "quick-responses", ref: "support"}},
	}
}

// TestImportSurvivesEveryLostCall: the connection breaks at each call of an import in
// turn, before the server gets it, and after it has done it and before the answer arrives.
// The import is done, and there is one job.
func TestImportSurvivesEveryLostCall(t *testing.T) {
	t.Parallel()
	for i := range importers() {
		for _, done := range []bool{false, true} {
			for call := 2; ; call++ { // the first one is not repeated
				dst := importers()[i]
				var calls atomic.Int32
				var silent atomic.Bool // HTTP clients repeat a GET by themselves
				s := launch(t, t.TempDir())
				c := behindProxy(t, s, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
					if int(calls.Add(1)) != call {
						pass.ServeHTTP(w, r)
						return
					}
					silent.Store(r.Method == http.MethodGet)
					if done {
						pass.ServeHTTP(httptest.NewRecorder(), r)
					} else if r.Method == http.MethodPut {
						_, _ = io.CopyN(io.Discard, r.Body, 1)
					}
					panic(http.ErrAbortHandler)
				})
				var out, errs strings.Builder
				if err := importRows(t.Context(), t, c, dst, true, time.Minute, &out, &errs); err != nil {
					t.Errorf("%T, call %d lost, done %v: %v\n%s", dst, call, done, err, &errs)
				}
				if got, want := out.String(), "1 imported, 0 rejected"; !strings.Contains(got, want) {
					t.Errorf("%T, call %d lost, done %v: printed %q, want %q in it", dst, call, done, got, want)
				}
				var page adminapi.Page
				s.call(t, "GET", ownPath, "sluice", "", &page)
				if len(page.Jobs) != 1 || page.Jobs[0].State != "completed" {
					t.Errorf("%T, call %d lost, done %v: jobs %+v, want one that is completed", dst, call, done, page.Jobs)
				}
				over := int(calls.Load()) < call
				if !over && !silent.Load() && !strings.Contains(errs.String(), "connected again") {
					t.Errorf("%T, call %d lost, done %v: printed %q, want a word about it", dst, call, done, &errs)
				}
				if err := s.stop(); err != nil {
					t.Error(err)
				}
				if over {
					break
				}
			}
		}
	}
}

// TestImportGivesUpBeforeTheJobRuns: the error says what to do, by what is known.
func TestImportGivesUpBeforeTheJobRuns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dst  importer
		lost func(*http.Request) bool
		want []string
	}{
		{importers()[0], isUpload, []string{"Nothing was imported. When the server is back:\n  sluice stop job-", "\n  sluice import rows.csv"}},
		{importers()[0], func(r *http.Request) bool {
			return strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".StartAddressListImportJob")
		}, []string{" may have been started. When the server is back:\n  sluice job job-", " --watch\n", "\n  sluice import rows.csv"}},
		{importers()[2], isUpload, []string{"Nothing was imported. When the server is back:\n  sluice import rows.csv"}},
		{
			importers()[2], func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/import-jobs") },
			[]string{"The job may have been created. When the server is back, look for it:\n  sluice jobs\n", "\n  sluice import rows.csv"},
		},
	} {
		var gone atomic.Bool
		through := behindProxy(t, launch(t, t.TempDir()), func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
			if c.lost(r) {
				gone.Store(true)
			}
			if gone.Load() {
				panic(http.ErrAbortHandler)
			}
			pass.ServeHTTP(w, r)
		})
		err := importRows(t.Context(), t, through, c.dst, true, time.Millisecond, io.Discard, io.Discard)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%T: error %v, want %q in it", c.dst, err, want)
			}
		}
	}
}

// isUpload reports whether a request sends a file.
func isUpload(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.Count(r.URL.Path, "/") > 1
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
	dst := &addressList{listName{kind: "address-list", ref: "partners"}}
	if err := importRows(t.Context(), t, c, dst, true, time.Minute, &out, &errs); err != nil {
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
	dst := &addressList{listName{kind: "address-list", ref: "partners"}}
	err := importRows(t.Context(), t, c, dst, true, time.Millisecond, &out, &errs)
	for _, want := range []string{"no answer for 1ms: ", "goes on when the server is back.", "\n  sluice job job-", " --watch\n  sluice stop job-"} {
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
	dst := &addressList{listName{kind: "address-list", ref: "partners"}}
	err := importRows(ctx, t, c, dst, false, time.Minute, &out, &errs)
	if err == nil || !strings.Contains(err.Error(), "there is no address list") {
		t.Fatalf("import without --create: %v, want an error about the list", err)
	}
	if err := dst.find(ctx, c, true); err != nil {
		t.Fatal(err)
	}
	existing := &addressList{listName{kind: "address-list", ref: "partners"}}
	err = importRows(ctx, t, c, existing, false, time.Minute, &out, &errs)
	var own exitCoder
	if !errors.As(err, &own) || own.exitCode() != 130 {
		t.Errorf("error %v, want one with exit code 130", err)
	}
	if want := "interrupted before the import began; job job-"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q in it", err, want)
	}
	var page adminapi.Page
	if err := c.rest(t.Context(), ownAPI, http.MethodGet, ownPath, nil, &page); err != nil {
		t.Fatal(err)
	}
	if len(page.Jobs) != 0 {
		t.Errorf("jobs %+v, want none", page.Jobs)
	}
}
