package fleet

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
	"github.com/sluicehq/sluice/internal/testenv"
)

// exitConfig is how a server ends that cannot run until somebody changes a setting.
const exitConfig = 78

// TestStartIsRefused starts the server with settings that can never work. Each has a
// sentence of its own and the same exit code, and is not waited for.
func TestStartIsRefused(t *testing.T) {
	t.Parallel()
	database, s3 := pgtest.Start(t), startS3(t)
	const secret = "a-secret-that-is-wrong"
	objects := func(endpoint string, pairs ...string) string {
		q := url.Values{"endpoint": {endpoint}}
		for i := 0; i < len(pairs); i += 2 {
			q.Set(pairs[i], pairs[i+1])
		}
		return "s3://work?" + q.Encode()
	}
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	late := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(20*time.Minute).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(late.Close)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	t.Cleanup(page.Close)
	for name, c := range map[string]struct {
		store, objects string
		env            []string
		want           string
	}{
		"role that only reads": {database + "&default_transaction_read_only=on", objects(s3), nil, "default_transaction_read_only is on"},
		"database":             {strings.Replace(database, "/postgres?", "/nowhere?", 1), objects(s3), nil, "the database of the URL is not there"},
		"TLS":                  {strings.Replace(database, "sslmode=disable", "sslmode=verify-full", 1), objects(s3), nil, "does not offer TLS"},
		"no S3":                {database, objects(page.URL), nil, "not as an S3 does"},
		"secret":               {database, objects(s3), []string{"AWS_SECRET_ACCESS_KEY=" + secret}, "the secret is not the one of the access key"},
		"access key":           {database, objects(s3), []string{"AWS_ACCESS_KEY_ID=AKIAUNKNOWNUNKNOWNUN", "AWS_SECRET_ACCESS_KEY=" + secret}, "the access key is unknown there"},
		"clock":                {database, objects(late.URL), nil, "the clocks of this machine and of the S3 differ"},
		"certificate of S3":    {database, objects(secure.URL), nil, "the certificate of the endpoint is not accepted"},
		"plain HTTP":           {database, objects(strings.Replace(s3, "http:", "https:", 1)), nil, "does not speak TLS"},
		"bucket":               {database, strings.Replace(objects(s3), "work", "Wo_rk", 1), nil, "does not take this name"},
		"credentials file": {
			database, objects(s3),
			[]string{"AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull},
			"has no access key and secret for the profile default",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), soon)
			defer cancel()
			cmd := exec.CommandContext(ctx, binary, "serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(),
				"--store", c.store, "--objects", c.objects)
			cmd.Env = append(testenv.Environ(), "SLUICE_ACCESS_KEY_ID="+rootKey, "SLUICE_SECRET_ACCESS_KEY="+rootSecret,
				"AWS_ACCESS_KEY_ID="+s3Key, "AWS_SECRET_ACCESS_KEY="+s3Secret)
			cmd.Env = append(cmd.Env, c.env...)
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &said
			err := cmd.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != exitConfig || !strings.Contains(said.String(), c.want) {
				t.Errorf("the server ended with %v, want exit code %d and %q:\n%s", err, exitConfig, c.want, &said)
			}
			for _, text := range []string{"msg=waiting ", secret, rootSecret, s3Secret} {
				if strings.Contains(said.String(), text) {
					t.Errorf("the server's output has %q:\n%s", text, &said)
				}
			}
		})
	}
}

// TestStartWaits starts the server before its S3 is there, which is waited for.
func TestStartWaits(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String()
	target, err := url.Parse(startS3(t))
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	n := newNode(t, "node", pgtest.Start(t), address)
	started := make(chan struct{})
	go func() {
		defer close(started)
		n.start()
	}()
	within(t, soon, "the node says that it waits", func() bool { return strings.Contains(n.log.tail(), `"msg":"waiting"`) })
	n.toObjects.aim(target.Host)
	<-started
}
