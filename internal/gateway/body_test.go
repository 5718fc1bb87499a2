package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/wire"
)

// TestD165_BodyOfACallHasOneDeadline: a caller that goes on sending a byte now and then is
// cut off all the same, unless it is an upload, in the words of each API.
func TestD165_BodyOfACallHasOneDeadline(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ path, service, want string }{
		"AWS's API": {"/things/a", "thing", `"RequestTimeout"`},
		"own API":   {"/sluice/v1/jobs/a/stop", "sluice", `"code":"RequestTimeout"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := New(Parts{
				Verifier: sigv4.NewVerifier(func(string) (sigv4.Credentials, bool) { return root, true }, sigv4.Options{}),
				APIs:     []*wire.API{things(nil)},
				Jobs:     http.NotFoundHandler(),
			}, Options{})
			serving(t, &Server{Handler: g}, func(l *pipes, _ func(), _ <-chan error) {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://h"+c.path, nil)
				if err != nil {
					t.Fatal(err)
				}
				sigv4.Sign(r, root, "eu-west-1", c.service, sigv4.HashPayload(nil), time.Now())
				var head strings.Builder
				fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n", c.path)
				if err := r.Header.Write(&head); err != nil {
					t.Fatal(err)
				}
				conn := l.dial()
				var sending sync.WaitGroup
				defer sending.Wait()
				defer conn.Close()
				began := time.Now()
				fmt.Fprint(conn, head.String()+"\r\n")
				sending.Go(func() {
					for err == nil {
						time.Sleep(time.Second)
						_, err = conn.Write([]byte("x"))
					}
				})
				got := readReply(t, conn)
				if !strings.HasPrefix(got, "HTTP/1.1 408") || !strings.Contains(got, c.want) {
					t.Errorf("reply: %q, want 408 with %s", got, c.want)
				}
				if took := time.Since(began); took != 10*time.Second {
					t.Errorf("took %v, want 10s", took)
				}
			})
		})
	}
}
