package sigv4

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

// The credentials of AWS's own examples.
var example = Credentials{
	AccessKey: "AKIAIOSFODNN7EXAMPLE",
	Secret:    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
	Account:   "000000000000",
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// verifierAt returns a verifier that knows example alone and whose clock stands still.
func verifierAt(now time.Time) *Verifier {
	return NewVerifier(func(key string) (Credentials, bool) {
		return example, key == example.AccessKey
	}, Options{Now: func() time.Time { return now }})
}

// received returns the request that a server gets from r. Headers that net/http adds
// or moves are as a server sees them.
func received(t testing.TB, r *http.Request, body []byte) *http.Request {
	t.Helper()
	in := httptest.NewRequest(r.Method, r.URL.RequestURI(), bytes.NewReader(body))
	in.Host = r.Host
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	in.Header = r.Header.Clone()
	if in.Header == nil {
		in.Header = http.Header{}
	}
	return in
}

func newRequest(t testing.TB, method, url string, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatalf("NewRequest(%s %s): %v", method, url, err)
	}
	return r
}

func verify(v *Verifier, r *http.Request, services ...string) (Identity, error) {
	return v.Verify(r, Parse(r), services...)
}

// verifyAll verifies r and reads its body to the end.
func verifyAll(v *Verifier, r *http.Request, services ...string) (Identity, []byte, error) {
	id, err := verify(v, r, services...)
	if err != nil {
		return id, nil, err
	}
	body, err := io.ReadAll(r.Body)
	return id, body, err
}

func wantKind(t *testing.T, what string, err error, want fault.Kind) {
	t.Helper()
	if !fault.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestSignIsVerified(t *testing.T) {
	t.Parallel()
	for _, service := range []string{"s3", "ses", "wisdom"} {
		for _, path := range []string{"/", "/a+b/c=d@e", "/dt=2026/x%2Fy", "/%C3%A9 space/..//."} {
			url := "https://example.com:4680" + strings.ReplaceAll(path, " ", "%20") + "?b=2&a=x+y&a=%2B&uploads"
			r := newRequest(t, "POST", url, nil)
			r.Header.Set("Content-Type", "text/csv")
			r.Header.Set("X-Amz-Meta-Note", "  two   words ")
			body := []byte("one,two\n")
			Sign(r, example, "eu-west-1", service, HashPayload(body), noon)
			in := received(t, r, body)
			if got := Parse(in).Service(); got != service {
				t.Errorf("service of %s = %q, want %q", url, got, service)
			}
			id, got, err := verifyAll(verifierAt(noon), in, "x", service)
			want := Identity{Account: example.Account, AccessKey: example.AccessKey, Region: "eu-west-1", Service: service}
			if err != nil || id != want || !bytes.Equal(got, body) {
				t.Errorf("Verify(%s %s) = %+v, %q, %v; want %+v, %q", service, url, id, got, err, want, body)
			}
		}
	}
}

func TestPresignIsVerified(t *testing.T) {
	t.Parallel()
	headers := http.Header{"Content-Type": {"text/csv"}, "X-Amz-Meta-A": {"1", "2"}}
	for _, service := range []string{"s3", "ses"} {
		u := newRequest(t, "PUT", "http://example.com/bucket/a+b?partNumber=1", nil).URL
		before := u.String()
		link := Presign("PUT", u, example, "us-east-1", service, time.Hour, headers, noon)
		if u.String() != before {
			t.Errorf("Presign changed its argument to %s", u)
		}
		r := newRequest(t, "PUT", link, nil)
		r.Header = headers.Clone()
		in := received(t, r, nil)
		id, _, err := verifyAll(verifierAt(noon.Add(time.Hour)), in, service)
		if err != nil || !id.Presigned || id.Service != service || Parse(in).Service() != service {
			t.Errorf("Verify(%s) = %+v, %v; want a presigned identity", link, id, err)
		}
		_, _, err = verifyAll(verifierAt(noon.Add(time.Hour+time.Second)), received(t, r, nil), service)
		wantKind(t, "a second too late", err, fault.Expired)
		_, _, err = verifyAll(verifierAt(noon.Add(-16*time.Minute)), received(t, r, nil), service)
		wantKind(t, "16 minutes too early", err, fault.Skewed)
		_, _, err = verifyAll(verifierAt(noon), received(t, newRequest(t, "PUT", link, nil), nil), service)
		wantKind(t, "without the signed headers", err, fault.BadSignature)
	}
}

func TestCredentialsHideTheSecret(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("key", "credentials", example)
	for _, got := range []string{fmt.Sprint(example), fmt.Sprintf("%+v %#v %s", example, &example, example), log.String()} {
		if strings.Contains(got, example.Secret) {
			t.Errorf("%q shows the secret", got)
		}
		if !strings.Contains(got, example.AccessKey) {
			t.Errorf("%q does not say which key it is", got)
		}
	}
}
