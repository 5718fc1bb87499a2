package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/caller"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/gateway/jobs"
	"github.com/sluicehq/sluice/internal/gateway/s3"
	"github.com/sluicehq/sluice/internal/service/admin"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
	"github.com/sluicehq/sluice/internal/wire"
)

var root = sigv4.Credentials{AccessKey: "SLUICEAAAAAAAAAAAAAA", Secret: "secret", Account: "123456789012"}

// buffer is a log that many goroutines may write.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// empty is an input and an output without members.
type empty struct{}

func (*empty) Read(*wire.Reader)   {}
func (*empty) Check(*wire.Checker) {}
func (*empty) Write(w *wire.Writer) {
	w.Open()
	w.Close()
}

var thingFaults = wire.Faults{fault.Invalid: {"BadRequestException"}}

// things is an API of three operations: one that goes well, one that fails, and one
// that panics.
func things(call func(context.Context)) *wire.API {
	invoke := func(handle func(context.Context) error) wire.Invoke {
		return wire.Call(func(ctx context.Context, _ *empty) (*empty, error) { return nil, handle(ctx) })
	}
	return &wire.API{
		Name: "things", SigningName: "thing", Protocol: wire.RestJSON, Faults: thingFaults,
		Statuses: map[string]int{"BadRequestException": 400},
		Operations: []wire.Operation{
			{Name: "GetThing", Method: "GET", Path: "/things/{Name}", Status: 200, Invoke: invoke(func(ctx context.Context) error {
				call(ctx)
				return nil
			})},
			{Name: "BreakThing", Method: "DELETE", Path: "/things/{Name}", Status: 200, Invoke: invoke(func(context.Context) error {
				return errors.New("the disk is on fire")
			})},
			{Name: "DropThing", Method: "POST", Path: "/things/{Name}", Status: 200, Invoke: invoke(func(context.Context) error {
				panic("dropped")
			})},
		},
	}
}

// fixture is a gateway on a real port.
type fixture struct {
	url    string
	log    *buffer
	caller caller.Caller // of the last GetThing
	ready  error
}

func start(t *testing.T) *fixture {
	t.Helper()
	st, err := pebblestore.Open("store", pebblestore.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	f := &fixture{log: &buffer{}}
	g := New(Parts{
		Verifier: sigv4.NewVerifier(func(id string) (sigv4.Credentials, bool) { return root, id == root.AccessKey }, sigv4.Options{}),
		APIs:     []*wire.API{things(func(ctx context.Context) { f.caller = caller.FromContext(ctx) })},
		S3: func(w http.ResponseWriter, r *http.Request, _ *sigv4.Signature) {
			switch {
			case strings.HasSuffix(r.URL.Path, "half"):
				_, _ = io.WriteString(w, "half of it")
				_ = http.NewResponseController(w).Flush()
				panic("in the middle")
			default:
				n, _ := io.Copy(io.Discard, r.Body)
				_, _ = io.Copy(w, io.LimitReader(zeros{}, 2*n))
			}
		},
		IsS3:  s3.IsS3,
		Jobs:  jobs.New(admin.New(st, nil, admin.Options{}), jobs.Options{Version: "v9", Observe: Observe}),
		Ready: func(context.Context) error { return f.ready },
	}, Options{Log: slog.New(slog.NewJSONHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Proxy: true})
	server := httptest.NewServer(g)
	t.Cleanup(func() {
		server.Close()
		if err := st.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	f.url = server.URL
	return f
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request, signed for a service unless that is empty.
func (f *fixture) do(t *testing.T, method, path, service string, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, f.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if service != "" {
		sigv4.Sign(r, root, "eu-west-1", service, sigv4.HashPayload([]byte(body)), time.Now())
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{res.StatusCode, res.Header, "cut: " + string(text)}
	}
	return answer{res.StatusCode, res.Header, string(text)}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	f := start(t)
	for _, c := range []struct {
		name, method, path, service string
		status                      int
		in                          string // of the body or of X-Amzn-Errortype
	}{
		{"livez", "GET", "/livez", "", 200, "ok\n"},
		{"readyz", "GET", "/readyz", "", 200, "ok\n"},
		{"healthz", "GET", "/healthz", "", 200, "ok\n"},
		{"S3, a bucket of the name of a probe", "GET", "/readyz", "s3", 200, ""},
		{"metrics", "GET", "/metrics", "", 200, "sluice_requests_in_flight"},
		{"an operation", "GET", "/things/a%2Fb", "thing", 200, "{}"},
		{"an operation, unsigned", "GET", "/things/a", "", 403, "MissingAuthenticationTokenException"},
		{"an operation, signed for another service", "GET", "/things/a", "ses", 403, "InvalidSignatureException"},
		{"an API's path, no operation", "PATCH", "/things/a", "thing", 404, "UnknownOperationException"},
		{"an API's path, no operation, unsigned", "PATCH", "/things/a", "", 403, "MissingAuthenticationTokenException"},
		{"an error of ours", "DELETE", "/things/a", "thing", 500, "InternalFailure"},
		{"a panic", "POST", "/things/a", "thing", 500, "InternalFailure"},
		{"own API", "GET", "/sluice/v1/version", "sluice", 200, `{"version":"v9"}`},
		{"own API, unsigned", "GET", "/sluice/v1/version", "", 403, `"code":"Unauthenticated"`},
		{"own API, signed for another service", "GET", "/sluice/v1/version", "ses", 403, `"code":"BadSignature"`},
		{"own API, no such operation", "PUT", "/sluice/v1/version", "sluice", 404, `"code":"UnknownOperation"`},
		{"S3, signed", "GET", "/any", "s3", 200, ""},
		{"S3, a bucket of the name of another route", "GET", "/metrics", "s3", 200, ""},
		{"S3, a bucket of the name of the own API", "GET", "/sluice/v1/version", "s3", 200, ""},
		{"S3, by its rule", "GET", "/bucket/key", "", 200, ""},
		{"what is served", "GET", "/", "", 200, "sluice env"},
		{"what is served, its operations", "GET", "/", "", 200, "\nthings\n    GetThing\n    BreakThing\n"},
		{"what is served, of the own API", "GET", "/", "", 200, "    StopJob\n"},
		{"nothing there, a person", "POST", "/", "", 404, "GET / lists"},
		{"nothing, a program", "GET", "/nothing", "ses", 404, "UnknownOperationException"},
	} {
		got := f.do(t, c.method, c.path, c.service, "")
		if got.status != c.status || !strings.Contains(got.header.Get("X-Amzn-Errortype")+" "+got.body, c.in) {
			t.Errorf("%s: %s %s: status %d, body %q; want %d with %q", c.name, c.method, c.path, got.status, got.body, c.status, c.in)
		}
		id := got.header.Get("X-Amzn-Requestid")
		if len(id) != 36 || !strings.Contains(f.log.String(), id) {
			t.Errorf("%s: request id %q, want a UUID that is in the log", c.name, id)
		}
		if strings.Contains(got.body, "fire") {
			t.Errorf("%s: an error of ours is shown: %q", c.name, got.body)
		}
	}
}

func TestCallerReachesTheService(t *testing.T) {
	t.Parallel()
	f := start(t)
	got := f.do(t, "GET", "/things/a", "thing", "")
	want := caller.Caller{
		Account: root.Account, Region: "eu-west-1", AccessKey: root.AccessKey,
		RequestID: got.header.Get("X-Amzn-Requestid"), BaseURL: f.url,
	}
	if f.caller != want {
		t.Errorf("caller %+v, want %+v", f.caller, want)
	}
	f.do(t, "GET", "/things/a", "thing", "", "X-Forwarded-Proto", "https")
	if want := strings.Replace(f.url, "http:", "https:", 1); f.caller.BaseURL != want {
		t.Errorf("behind a proxy: base URL %q, want %q", f.caller.BaseURL, want)
	}
}

func TestHealthSaysWhyNot(t *testing.T) {
	t.Parallel()
	f := start(t)
	for _, c := range []struct {
		err  error
		want string
	}{
		{fault.New(fault.Unavailable, "the server is stopping"), "the server is stopping\n"},
		{errors.New("secret reason"), "not ready\n"},
	} {
		f.ready = c.err
		for _, path := range []string{"/readyz", "/healthz"} {
			if got := f.do(t, "GET", path, "", ""); got.status != 503 || got.body != c.want {
				t.Errorf("GET %s with %v: %d %q, want 503 %q", path, c.err, got.status, got.body, c.want)
			}
		}
		if got := f.do(t, "GET", "/livez", "", ""); got.status != 200 || got.body != "ok\n" {
			t.Errorf("GET /livez with %v: %d %q, want 200 ok", c.err, got.status, got.body)
		}
	}
}

func TestPanicInTheMiddleCutsTheReply(t *testing.T) {
	t.Parallel()
	f := start(t)
	if got := f.do(t, "GET", "/bucket/half", "s3", ""); got.body != "cut: half of it" {
		t.Errorf("reply of a handler that panics: %q, want it cut", got.body)
	}
	if log := f.log.String(); !strings.Contains(log, `"panic":"in the middle"`) || !strings.Contains(log, "gateway_test.go") {
		t.Errorf("log has no panic with its stack:\n%s", log)
	}
}

func TestAccessLogSaysWhatAndNotWhom(t *testing.T) {
	t.Parallel()
	f := start(t)
	got := f.do(t, "GET", "/things/jane%40example.com?q=jane", "thing", "")
	var line map[string]any
	if err := json.Unmarshal([]byte(f.log.String()), &line); err != nil {
		t.Fatalf("log %q: %v", f.log.String(), err)
	}
	for name, want := range map[string]any{
		"msg": "request", "service": "things", "operation": "GetThing", "status": 200.0, "account": root.Account,
		"in_bytes": 0.0, "out_bytes": 2.0, "key": root.AccessKey, "remote": "127.0.0.1", "request": got.header.Get("X-Amzn-Requestid"),
	} {
		if line[name] != want {
			t.Errorf("%s in the log: %v, want %v", name, line[name], want)
		}
	}
	if s, ok := line["duration_seconds"].(float64); !ok || s <= 0 || s > 3600 {
		t.Errorf("duration_seconds in the log: %v, want seconds", line["duration_seconds"])
	}
	if strings.Contains(f.log.String(), "jane") {
		t.Errorf("the log names a member: %s", f.log.String())
	}
	f.do(t, "DELETE", "/things/a", "thing", "")
	if !strings.Contains(f.log.String(), `"error":"the disk is on fire"`) {
		t.Errorf("the log lacks an error of ours: %s", f.log.String())
	}
}

func TestMetricsCount(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.do(t, "GET", "/things/a", "thing", "")
	f.do(t, "GET", "/things/b", "thing", "")
	f.do(t, "GET", "/things/b", "", "")
	f.do(t, "PUT", "/bucket/key", "s3", strings.Repeat("x", 3000))
	shown := f.do(t, "GET", "/metrics", "", "").body
	for _, want := range []string{
		`sluice_request_bytes_total{direction="in",service="s3"} 3000`,
		`sluice_request_bytes_total{direction="out",service="s3"} 6000`,
		`sluice_request_bytes_total{direction="in",service="things"} 0`,
		`sluice_requests_total{code="2xx",operation="GetThing",service="things"} 2`,
		`sluice_requests_total{code="4xx",operation="GetThing",service="things"} 1`,
		`sluice_requests_total{code="2xx",operation="PUT",service="s3"} 1`,
		`sluice_request_seconds_count{operation="GetThing",service="things"} 3`,
		`sluice_requests_total{code="5xx",operation="BreakThing",service="things"} 0`, // before it happens
		`sluice_requests_total{code="2xx",operation="ListJobs",service="sluice"} 0`,
		`sluice_refused_signatures_total{cause="Unauthenticated"} 1`,
		`sluice_refused_signatures_total{cause="BadSignature"} 0`,
		`sluice_refused_signatures_total{cause="Skewed"} 0`,
		`sluice_requests_in_flight 1`, // the one that asks
	} {
		if !strings.Contains(shown, want+"\n") {
			t.Errorf("/metrics lacks %s:\n%s", want, shown)
		}
	}
}

// asS3 makes h a handler of S3 that looks at no signature.
func asS3(h http.Handler) SignedHandler {
	return func(w http.ResponseWriter, r *http.Request, _ *sigv4.Signature) { h.ServeHTTP(w, r) }
}
