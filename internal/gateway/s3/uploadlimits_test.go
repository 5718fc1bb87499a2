package s3

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/sigv4"
)

// linkTo returns a presigned link for PUT.
func (e *endpoint) linkTo(t *testing.T, path string) string {
	t.Helper()
	u, err := url.Parse(e.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	return sigv4.Presign(http.MethodPut, u, root, "eu-west-1", service, time.Minute, nil, time.Now())
}

// TestD170_UploadsByLinkAreBounded: a body that comes by a presigned link may be so large
// and no larger, whether it says how large it is or not; with the key it may be larger.
func TestD170_UploadsByLinkAreBounded(t *testing.T) {
	t.Parallel()
	const most = 1000
	e := withBucket(t, Options{MaxLinked: most})
	for _, c := range []struct {
		what  string
		size  int
		known bool
		link  bool
		code  string
	}{
		{"as large as may be", most, true, true, ""},
		{"as large as may be, of unknown size", most, false, true, ""},
		{"too large", most + 1, true, true, "EntityTooLarge"},
		{"too large, of unknown size", most + 1, false, true, "EntityTooLarge"},
		{"too large, with the key", most + 1, true, false, ""},
	} {
		target := e.URL + "/uploads/k"
		if c.link {
			target = e.linkTo(t, "/uploads/k")
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, target, io.MultiReader(bytes.NewReader(make([]byte, c.size))))
		if err != nil {
			t.Fatal(err)
		}
		if c.known {
			r.ContentLength = int64(c.size)
		}
		if !c.link {
			sigv4.Sign(r, root, "eu-west-1", service, sigv4.UnsignedPayload, time.Now())
		}
		res, reply := e.do(t, r)
		if c.code != "" {
			wantError(t, c.what, res, reply, http.StatusBadRequest, c.code)
		} else if res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s %s, want 200", c.what, res.Status, reply)
		}
	}
}

// TestD171_UploadsAtOnceAreBounded: an account, and a link, may have so many uploads
// running; others are told to come again, and may when one has ended.
func TestD171_UploadsAtOnceAreBounded(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{UploadsPerAccount: 3, UploadsPerLink: 2})
	link, other := e.linkTo(t, "/uploads/a"), e.linkTo(t, "/uploads/b")
	type upload struct {
		body *io.PipeWriter
		done chan int
	}
	begin := func(link string) upload {
		from, to := io.Pipe()
		u := upload{to, make(chan int, 1)}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, link, from)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = 2
		r.Header.Set("Expect", "100-continue") // the body is asked for when the upload has begun
		go func() {
			res, err := e.Client().Do(r)
			if err != nil {
				u.done <- 0
				return
			}
			res.Body.Close()
			u.done <- res.StatusCode
		}()
		if _, err := to.Write([]byte("x")); err != nil {
			t.Fatalf("begin an upload: %v", err)
		}
		return u
	}
	refused := func(what, link string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, link, strings.NewReader("xx"))
		if err != nil {
			t.Fatal(err)
		}
		res, reply := e.do(t, r)
		wantError(t, what, res, reply, http.StatusServiceUnavailable, "SlowDown")
		if res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", what)
		}
	}
	e.Client().Transport.(*http.Transport).ExpectContinueTimeout = time.Minute
	first := begin(link)
	second := begin(link)
	refused("a third by the same link", link)
	third := begin(other)
	refused("a fourth of the account", e.linkTo(t, "/uploads/c"))
	for _, u := range []upload{first, second, third} {
		if _, err := u.body.Write([]byte("y")); err != nil {
			t.Fatal(err)
		}
		if status := <-u.done; status != http.StatusOK {
			t.Errorf("an upload within the bounds: status %d, want 200", status)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, link, strings.NewReader("xx"))
	if err != nil {
		t.Fatal(err)
	}
	if res, reply := e.do(t, r); res.StatusCode != http.StatusOK {
		t.Errorf("after the others have ended: %s %s, want 200", res.Status, reply)
	}
}
