package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/wire"
)

// waiting is an API whose operations end when their context does, or with the error of a
// deadline when they are called "late".
func waiting(begun chan<- struct{}) *wire.API {
	wait := func(late bool) wire.Invoke {
		return wire.Call(func(ctx context.Context, _ *empty) (*empty, error) {
			if late {
				return nil, fmt.Errorf("ask database: %w", context.DeadlineExceeded)
			}
			begun <- struct{}{}
			<-ctx.Done()
			return nil, fmt.Errorf("ask database: %w", ctx.Err())
		})
	}
	return &wire.API{
		Name: "things", SigningName: "thing", Protocol: wire.RestJSON, Faults: thingFaults,
		Statuses: map[string]int{"BadRequestException": 400},
		Operations: []wire.Operation{
			{Name: "AwaitThing", Method: "GET", Path: "/things/{Name}", Status: 200, Invoke: wait(false)},
			{Name: "LateThing", Method: "POST", Path: "/things/{Name}", Status: 200, Invoke: wait(true)},
		},
	}
}

// TestCallersThatHangUp: whatever API a caller hangs up on, the log has a line at INFO
// with status 499 and no error, and the metrics count it as 499.
func TestCallersThatHangUp(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{}, 1)
	endless := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error
		for begun <- struct{}{}; err == nil; {
			_, err = w.Write(make([]byte, 64<<10))
		}
		Observe(r.Context(), wire.Done{API: "endless", Operation: "Get", Status: 200, Err: err})
	})
	out, registry := &buffer{}, prometheus.NewRegistry()
	g := New(Parts{
		Verifier: sigv4.NewVerifier(func(id string) (sigv4.Credentials, bool) { return root, id == root.AccessKey }, sigv4.Options{}),
		APIs:     []*wire.API{waiting(begun)}, S3: asS3(endless), Jobs: endless,
	}, Options{Log: slog.New(slog.NewJSONHandler(out, nil)), Registry: registry})
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)

	for _, c := range []struct{ path, service, operation string }{
		{"/things/a", "thing", "AwaitThing"},
		{"/bucket/key", serviceS3, "Get"},
		{adminapi.Prefix + "jobs/j/report", adminapi.SigningName, "Get"},
	} {
		before := len(lines(t, out))
		conn, r := signedConn(t, server.URL, http.MethodGet, c.path, c.service)
		if err := r.Write(conn); err != nil {
			t.Fatal(err)
		}
		<-begun
		conn.Close()
		var line map[string]any
		for end := time.Now().Add(time.Minute); line == nil; {
			if all := lines(t, out); len(all) > before {
				line = all[before]
			} else if time.Now().After(end) {
				t.Fatalf("%s: no line in the log a minute after the caller hung up", c.path)
			}
			time.Sleep(time.Millisecond)
		}
		if line["level"] != "INFO" || line["status"] != 499.0 || line["operation"] != c.operation || line["fault"] != "Canceled" || line["error"] != nil {
			t.Errorf("GET %s, caller hung up: log %v; want INFO, 499, fault Canceled and no error", c.path, line)
		}
	}
	res := httptest.NewRecorder()
	g.ServeHTTP(res, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`sluice_requests_total{code="499",operation="AwaitThing",service="things"} 1`,
		`sluice_requests_total{code="499",operation="Get",service="endless"} 2`,
	} {
		if !strings.Contains(res.Body.String(), want+"\n") {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

// TestCallersThatBreakOffUploads: a body whose connection ends before it does is logged as
// 499, too, whatever the reply says that nobody waits for.
func TestCallersThatBreakOffUploads(t *testing.T) {
	t.Parallel()
	out := &buffer{}
	reads := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusBadRequest)
		Observe(r.Context(), wire.Done{API: "files", Operation: "Put", Status: http.StatusBadRequest, Err: err})
	})
	g := New(Parts{
		Verifier: sigv4.NewVerifier(func(id string) (sigv4.Credentials, bool) { return root, id == root.AccessKey }, sigv4.Options{}),
		APIs:     []*wire.API{waiting(nil)}, S3: asS3(reads), Jobs: reads,
	}, Options{Log: slog.New(slog.NewJSONHandler(out, nil))})
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	const put = "PUT /bucket/key HTTP/1.1\r\nHost: s\r\n" +
		"Authorization: AWS4-HMAC-SHA256 Credential=a/20260301/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n"
	for i, head := range []string{
		put + "Content-Length: 1000\r\n\r\nabc",
		put + "Transfer-Encoding: chunked\r\n\r\n100\r\nabc",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, head); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		for end := time.Now().Add(time.Minute); len(lines(t, out)) <= i; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%q: no line in the log a minute after the caller hung up", head)
			}
		}
		if line := lines(t, out)[i]; line["level"] != "INFO" || line["status"] != 499.0 || line["fault"] != "Canceled" || line["error"] != nil {
			t.Errorf("%q, caller hung up: log %v; want INFO, 499, fault Canceled and no error", head, line)
		}
	}
}

// TestD183_Deadlines: an answer that takes too long is 504, which SDKs repeat.
func TestD183_Deadlines(t *testing.T) {
	t.Parallel()
	g := New(Parts{
		Verifier: sigv4.NewVerifier(func(id string) (sigv4.Credentials, bool) { return root, id == root.AccessKey }, sigv4.Options{}),
		APIs:     []*wire.API{waiting(nil)},
	}, Options{})
	r := httptest.NewRequest(http.MethodPost, "/things/a", nil)
	sigv4.Sign(r, root, "eu-west-1", "thing", sigv4.EmptyPayload, time.Now())
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	if w.Code != http.StatusGatewayTimeout || w.Header().Get("X-Amzn-Errortype") != "RequestTimeoutException" {
		t.Errorf("reply after a deadline: %d %s %s, want 504 RequestTimeoutException", w.Code, w.Header().Get("X-Amzn-Errortype"), w.Body)
	}
}

// TestHalfABody: a body that its caller does not end is a mistake of the caller, also
// when it is read before the signature is known.
func TestHalfABody(t *testing.T) {
	t.Parallel()
	f := start(t)
	for _, service := range []string{"thing", adminapi.SigningName} {
		path := "/things/a"
		if service == adminapi.SigningName {
			path = adminapi.Prefix + "jobs/j/stop"
		}
		conn, r := signedConn(t, f.url, http.MethodPost, path, service)
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nX-Amz-Date: %s\r\nContent-Length: 100\r\n\r\n{\"half\":",
			path, r.URL.Host, r.Header.Get("Authorization"), r.Header.Get("X-Amz-Date"))
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		reply, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(reply), "HTTP/1.1 400 ") {
			t.Errorf("half a body to %s: %q, %v; want 400", path, reply, err)
		}
	}
	if strings.Contains(f.log.String(), `"level":"ERROR"`) {
		t.Errorf("log after halves of bodies, want nothing at ERROR:\n%s", f.log)
	}
}

// signedConn returns a connection to a server, and a signed request for it.
func signedConn(t *testing.T, server, method, path, service string) (net.Conn, *http.Request) {
	t.Helper()
	at, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", at.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	r, err := http.NewRequestWithContext(t.Context(), method, server+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	sigv4.Sign(r, root, "eu-west-1", service, sigv4.EmptyPayload, time.Now())
	return conn, r
}

// lines returns the log's lines.
func lines(t *testing.T, out *buffer) []map[string]any {
	t.Helper()
	var all []map[string]any
	for text := range strings.Lines(out.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("log line %q: %v", text, err)
		}
		all = append(all, line)
	}
	return all
}
