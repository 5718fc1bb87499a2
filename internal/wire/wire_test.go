package wire_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sluicehq/sluice/internal/caller"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/wire"
)

var update = flag.Bool("update", false, "rewrite the replies in testdata")

// Each archive in testdata has a sentence on why, a request and the reply.
func TestExchanges(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no archives in testdata: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			exchange(t, path)
		})
	}
}

func exchange(t *testing.T, path string) {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(bytes.TrimSpace(archive.Comment)) == 0 || len(archive.Files) == 0 || archive.Files[0].Name != "request" {
		t.Fatalf("%s: want a sentence on why, then the file request, then the file reply", path)
	}
	got := dump(serve(newMux(wire.Options{}), parse(t, archive.Files[0].Data)))
	if *update {
		archive.Files = append(archive.Files[:1], txtar.File{Name: "reply", Data: []byte(got)})
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if len(archive.Files) != 2 {
		t.Fatalf("%s has no reply: run the test with -update and review", path)
	}
	if want := string(archive.Files[1].Data); got != want {
		t.Errorf("reply to\n%s\nis\n%s\nwant\n%s", archive.Files[0].Data, got, want)
	}
}

// serve does what the gateway does, without its signatures.
func serve(m *wire.Mux, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r = r.WithContext(caller.NewContext(r.Context(), caller.Caller{RequestID: "r-1"}))
	match, ok := m.Match(r)
	if !ok {
		wire.WriteFault(w, r, match, fault.New(fault.UnknownOperation, "no such operation"))
		return w
	}
	m.Serve(w, r, match)
	return w
}

func parse(t *testing.T, text []byte) *http.Request {
	t.Helper()
	in := bufio.NewReader(bytes.NewReader(text))
	r, err := http.ReadRequest(in)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	body = bytes.TrimSuffix(body, []byte("\n"))
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return r
}

func dump(w *httptest.ResponseRecorder) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", w.Code)
	for _, name := range slices.Sorted(maps.Keys(w.Header())) {
		if name != "Content-Length" {
			fmt.Fprintf(&b, "%s: %s\n", name, w.Header().Get(name))
		}
	}
	fmt.Fprintf(&b, "\n%s\n", w.Body)
	return b.String()
}

func TestBodyIsBounded(t *testing.T) {
	t.Parallel()
	m := newMux(wire.Options{MaxBody: 10})
	for _, tt := range []struct {
		body   string
		known  bool
		status int
	}{
		{"{        }", true, http.StatusOK},
		{"{        }", false, http.StatusOK},
		{"{         }", true, http.StatusRequestEntityTooLarge},
		{"{         }", false, http.StatusRequestEntityTooLarge},
	} {
		r := httptest.NewRequest(http.MethodPost, "/v2/email/import-jobs/list", strings.NewReader(tt.body))
		if !tt.known {
			r.ContentLength = -1
		}
		if w := serve(m, r); w.Code != tt.status {
			t.Errorf("%d bytes, length known %t: %d %s, want %d", len(tt.body), tt.known, w.Code, w.Body, tt.status)
		}
	}
}

// broken is a body whose end is an error, like that of a verifying reader.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

func TestBodyIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"refused by the verifier": {fault.New(fault.BodyMismatch, "the body is not the one signed"), "InvalidSignatureException"},
		"cut off":                 {io.ErrUnexpectedEOF, "SerializationException"},
	} {
		// An operation without a body of its own: it is read all the same.
		r := httptest.NewRequest(http.MethodGet, "/v2/email/import-jobs/j1", nil)
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader("{}"), broken{tt.err}))
		if w := serve(newMux(wire.Options{}), r); w.Header().Get("X-Amzn-Errortype") != tt.want {
			t.Errorf("%s: %s, want %s", name, dump(w), tt.want)
		}
	}
}

func TestObserverIsToldOfEveryCall(t *testing.T) {
	t.Parallel()
	var calls []wire.Done
	m := newMux(wire.Options{Observe: func(ctx context.Context, d wire.Done) {
		if got := caller.FromContext(ctx).RequestID; got != "r-1" {
			t.Errorf("request id in Observe = %q, want r-1", got)
		}
		calls = append(calls, d)
	}})
	serve(m, httptest.NewRequest(http.MethodGet, "/v2/email/import-jobs/j1", nil))
	serve(m, httptest.NewRequest(http.MethodGet, "/v2/email/import-jobs/fail-NotFound", nil))
	if len(calls) != 2 {
		t.Fatalf("%d calls observed, want 2", len(calls))
	}
	good, bad := calls[0], calls[1]
	if good.API != "sesv2" || good.Operation != "GetImportJob" || good.Status != 200 || good.Err != nil {
		t.Errorf("good call observed as %+v", good)
	}
	if bad.Status != 404 || !fault.Is(bad.Err, fault.NotFound) {
		t.Errorf("bad call observed as %+v, want the error with its kind", bad)
	}
}

func TestFaultsBeforeTheOperationIsKnown(t *testing.T) {
	t.Parallel()
	for _, kind := range fault.All() {
		for _, target := range []string{"", "Other.Thing"} {
			w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil)
			if target != "" {
				r.Header.Set("X-Amz-Target", target)
			}
			status := wire.WriteFault(w, r, wire.Match{}, fault.New(kind, "the sentence"))
			if status != w.Code || status < 400 || w.Header().Get("X-Amzn-Errortype") == "" {
				t.Errorf("%v with target %q: %s", kind, target, dump(w))
			}
		}
	}
}

func TestTwoRoutesAlikeAreABug(t *testing.T) {
	t.Parallel()
	op := wire.Operation{Name: "A", Method: "GET", Path: "/a/{X}"}
	api := &wire.API{Operations: []wire.Operation{op, op}}
	defer func() {
		if recover() == nil {
			t.Error("NewMux with the same route twice returned, want a panic")
		}
	}()
	wire.NewMux(wire.Options{}, api)
}

var errOurs = errors.New("disk on fire")

func TestOursIsNeverShown(t *testing.T) {
	t.Parallel()
	for _, err := range []error{errOurs, fault.New(fault.Internal, "disk on fire"), fault.New(fault.LeaseLost, "disk on fire")} {
		w := httptest.NewRecorder()
		wire.WriteFault(w, httptest.NewRequest(http.MethodGet, "/", nil), wire.Match{}, err)
		if w.Code != 500 || strings.Contains(w.Body.String(), "fire") {
			t.Errorf("reply to %#v: %s", err, dump(w))
		}
	}
}
