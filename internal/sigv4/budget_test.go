package sigv4

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

// unhashed is a request to SES with a body that arrives through the returned writer, and
// whose hash is no header, as SDKs send it.
func unhashed(t *testing.T, body []byte) (*http.Request, *io.PipeWriter) {
	t.Helper()
	r := newRequest(t, "POST", "http://example.com/x", nil)
	Sign(r, example, "us-east-1", "ses", HashPayload(body), noon)
	from, to := io.Pipe()
	in := httptest.NewRequest(r.Method, r.URL.RequestURI(), from)
	in.Host, in.Header, in.ContentLength = r.URL.Host, r.Header, int64(len(body))
	return in, to
}

// TestBodiesBeforeTheSignature: bodies that are read before their caller is known take no
// more memory at once than Options.MaxLoading, and small ones do not wait for large ones.
func TestBodiesBeforeTheSignature(t *testing.T) {
	t.Parallel()
	large, small := bytes.Repeat([]byte("x"), 100<<10), []byte("{}")
	for name, c := range map[string]struct {
		body    []byte
		ends    time.Duration // when the bodies that fill the budget end
		unknown bool          // the length is not known
		want    fault.Kind
		ok      bool
		within  time.Duration
	}{
		"large, no room":          {large, time.Minute, false, fault.Overloaded, false, 2 * time.Second},
		"large, room in a second": {large, time.Second, false, 0, true, time.Second},
		"small":                   {small, time.Minute, false, 0, true, 0},
		"small of unknown length": {small, time.Minute, true, fault.Overloaded, false, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := NewVerifier(verifierAt(noon).lookup, Options{
					Now: func() time.Time { return noon }, MaxBody: 100 << 10, MaxLoading: 400 << 10,
				})
				for range 3 {
					r, to := unhashed(t, large)
					go func() { _, _ = v.Verify(r, Parse(r), "ses") }()
					go func() { time.Sleep(c.ends); to.Close() }()
				}
				synctest.Wait()
				r, to := unhashed(t, c.body)
				if c.unknown {
					r.ContentLength = -1
				}
				go func() { _, _ = to.Write(c.body); to.Close() }()
				began := time.Now()
				_, got, err := verifyAll(v, r, "ses")
				if took := time.Since(began); took != c.within {
					t.Errorf("took %v, want %v", took, c.within)
				}
				if !c.ok {
					wantKind(t, name, err, c.want)
				} else if err != nil || !bytes.Equal(got, c.body) {
					t.Errorf("%d bytes, %v, want the body", len(got), err)
				}
				to.CloseWithError(io.ErrClosedPipe) // one that was never read
				time.Sleep(c.ends)
			})
		})
	}
}
