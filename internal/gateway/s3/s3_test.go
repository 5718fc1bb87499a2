package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/wire"
)

var (
	root  = sigv4.Credentials{AccessKey: "AKIDROOT", Secret: "root-secret", Account: "000000000000"}
	other = sigv4.Credentials{AccessKey: "AKIDOTHER", Secret: "other-secret", Account: "111111111111"}
)

func lookup(id string) (sigv4.Credentials, bool) {
	for _, c := range []sigv4.Credentials{root, other} {
		if c.AccessKey == id {
			return c, true
		}
	}
	return sigv4.Credentials{}, false
}

// endpoint is a server under test.
type endpoint struct {
	*httptest.Server
	store *diskobject.Store
	dir   string // of the store
}

func start(t testing.TB, secure bool, o Options) *endpoint {
	t.Helper()
	dir := t.TempDir()
	store, err := diskobject.Open(dir, diskobject.Options{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	h := New(store, sigv4.NewVerifier(lookup, sigv4.Options{}), o)
	e := &endpoint{httptest.NewUnstartedServer(parsing(h)), store, dir}
	e.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if secure {
		e.StartTLS()
	} else {
		e.Start()
	}
	t.Cleanup(func() {
		e.Close()
		if err := store.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return e
}

// parsing is h behind what parses signatures, as the gateway does.
func parsing(h *Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeSigned(w, r, sigv4.Parse(r)) })
}

// client returns an official client that signs with key.
func (e *endpoint) client(key sigv4.Credentials, options ...func(*sdk.Options)) *sdk.Client {
	o := sdk.Options{
		BaseEndpoint: aws.String(e.URL), UsePathStyle: true, Region: "eu-west-1", HTTPClient: e.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKey, key.Secret, ""), RetryMaxAttempts: 1,
	}
	return sdk.New(o, options...)
}

// both runs a test over HTTP and over TLS: over TLS the clients send aws-chunked bodies
// with trailers, and over HTTP hashed ones.
func both(t *testing.T, test func(t *testing.T, e *endpoint, c *sdk.Client)) {
	t.Parallel()
	for name, secure := range map[string]bool{"http": false, "https": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t, secure, Options{})
			c := e.client(root)
			if _, err := c.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: aws.String("uploads")}); err != nil {
				t.Fatalf("CreateBucket: %v", err)
			}
			test(t, e, c)
		})
	}
}

func put(t testing.TB, c *sdk.Client, key, text string) *sdk.PutObjectOutput {
	t.Helper()
	out, err := c.PutObject(context.Background(), &sdk.PutObjectInput{
		Bucket: aws.String("uploads"), Key: aws.String(key), Body: bytes.NewReader([]byte(text)),
	})
	if err != nil {
		t.Fatalf("PutObject %q: %v", key, err)
	}
	return out
}

func get(c *sdk.Client, key string) (string, *sdk.GetObjectOutput, error) {
	out, err := c.GetObject(context.Background(), &sdk.GetObjectInput{Bucket: aws.String("uploads"), Key: aws.String(key)})
	if err != nil {
		return "", nil, err
	}
	text, err := io.ReadAll(out.Body)
	return string(text), out, errors.Join(err, out.Body.Close())
}

func wantText(t testing.TB, c *sdk.Client, key, want string) {
	t.Helper()
	got, _, err := get(c, key)
	if err != nil || got != want {
		t.Errorf("GetObject %q = %d bytes %.40q, %v, want %d bytes %.40q", key, len(got), got, err, len(want), want)
	}
}

func wantCode(t testing.TB, what string, err error, want string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != want {
		t.Errorf("%s: %v, want %s", what, err, want)
	}
}

// do sends a plain request, and returns the reply with its body read.
func (e *endpoint) do(t testing.TB, r *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := e.Client().Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	text, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		t.Fatalf("%s %s: read the reply: %v", r.Method, r.URL.Path, err)
	}
	return res, string(text)
}

func serveFunc(t *testing.T, h http.HandlerFunc) *endpoint {
	t.Helper()
	e := &endpoint{Server: httptest.NewServer(h)}
	t.Cleanup(e.Close)
	return e
}

func TestObserveAndRequestID(t *testing.T) {
	t.Parallel()
	var got wire.Done
	e := start(t, false, Options{Observe: func(_ context.Context, d wire.Done) { got = d }})
	res, _ := e.raw(t, http.MethodGet, "/nobody/k", "")
	if res.Header.Get("X-Amz-Request-Id") == "" {
		t.Error("the reply has no request id")
	}
	if got.API != "s3" || got.Operation != "GetObject" || got.Status != http.StatusNotFound || got.Err == nil {
		t.Errorf("observed %+v, want GetObject and its 404", got)
	}
	if got.Account != root.Account {
		t.Errorf("observed account %q, want %q", got.Account, root.Account)
	}
}
