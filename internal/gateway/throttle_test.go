package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/wire"
)

// throttled is a gateway to all APIs, none of which does anything, at the given rates.
func throttled(r Rate) *Gateway {
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	return New(Parts{
		Verifier: sigv4.NewVerifier(func(id string) (sigv4.Credentials, bool) {
			return sigv4.Credentials{AccessKey: id, Secret: "secret", Account: strings.TrimPrefix(id, "KEY")}, strings.HasPrefix(id, "KEY")
		}, sigv4.Options{}),
		APIs: []*wire.API{
			things(func(context.Context) {}),
			mailmanagerapi.New(mailmanagerapi.Unimplemented{}),
			sesv2api.New(sesv2api.Unimplemented{}),
			qconnectapi.New(qconnectapi.Unimplemented{}),
		},
		S3: asS3(ok), Jobs: ok,
		IsS3: func(*http.Request, *sigv4.Signature) bool { return false },
	}, Options{Rate: r})
}

// call is a request of account 1 in one region, unless it says otherwise.
type call struct {
	method, path, service, target string
	key, region                   string
}

func (c call) at(g *Gateway) *httptest.ResponseRecorder {
	r := httptest.NewRequest(c.method, c.path, nil)
	if c.target != "" {
		r.Header.Set("X-Amz-Target", c.target)
	}
	key, region := "KEY111111111111", "eu-west-1"
	if c.key != "" {
		key = c.key
	}
	if c.region != "" {
		region = c.region
	}
	sigv4.Sign(r, sigv4.Credentials{AccessKey: key, Secret: "secret"}, region, c.service, sigv4.EmptyPayload, time.Now())
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

// until counts the calls that get through before one is throttled.
func (c call) until(t *testing.T, g *Gateway, most int) int {
	t.Helper()
	for n := range most {
		if w := c.at(g); strings.Contains(w.Body.String(), "Rate exceeded") {
			return n
		}
	}
	return most
}

var getThing = call{method: "GET", path: "/things/a", service: "thing"}

func oneASecond(string, string) (string, float64) { return "all", 1 }

func TestD106_ARateMayBeSavedUpForFiveSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := throttled(oneASecond)
		for _, step := range []struct {
			still time.Duration
			want  int
		}{{0, 5}, {0, 0}, {time.Second, 1}, {3 * time.Second, 3}, {time.Hour, 5}, {500 * time.Millisecond, 0}} {
			time.Sleep(step.still)
			if got := getThing.until(t, g, 100); got != step.want {
				t.Errorf("after %s without a call, %d calls at once went through, want %d", step.still, got, step.want)
			}
		}
	})
}

func TestD107_AThrottledCallIsToldWhenToComeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := throttled(func(string, string) (string, float64) { return "slow", 0.25 })
		if got := getThing.until(t, g, 100); got != 1 {
			t.Errorf("%d calls went through, want 1: a bucket holds one call at least", got)
		}
		time.Sleep(1500 * time.Millisecond)
		w := getThing.at(g)
		if got := w.Header().Get("Retry-After"); w.Code != http.StatusTooManyRequests || got != "3" {
			t.Errorf("a throttled call: %d, Retry-After %q, want 429 and 3 seconds", w.Code, got)
		}
		time.Sleep(3 * time.Second)
		if w := getThing.at(g); w.Code != http.StatusOK || w.Header().Get("Retry-After") != "" {
			t.Errorf("the call after that: %d %v, want 200 without Retry-After", w.Code, w.Header())
		}
	})
}

func TestD108_ThrottlingInTheWordsOfEachAPI(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := throttled(limits.AWS.Rate)
		for _, tt := range []struct {
			call   call
			most   int
			name   string
			status int
		}{
			{call{method: "GET", path: "/v2/email/account", service: "ses"}, 5, "TooManyRequestsException", 429},
			{call{method: "POST", path: "/", service: "ses", target: "MailManagerSvc.ListAddressLists"}, 5, "ThrottlingException", 400},
			{call{method: "GET", path: "/knowledgeBases", service: "wisdom"}, 50, "ThrottlingException", 429},
			{call{method: "GET", path: "/knowledgeBases/a/importJobs", service: "wisdom"}, 50, "ThrottlingException", 429},
			{call{method: "DELETE", path: "/knowledgeBases/a/quickResponses/b", service: "wisdom"}, 100, "ThrottlingException", 429},
		} {
			if got := tt.call.until(t, g, 1000); got != tt.most {
				t.Errorf("%s %s: %d calls at once went through, want %d", tt.call.method, tt.call.path, got, tt.most)
			}
			w := tt.call.at(g)
			if got := w.Header().Get("X-Amzn-Errortype"); got != tt.name || w.Code != tt.status {
				t.Errorf("%s %s: the next is %s %d, want %s %d", tt.call.method, tt.call.path, got, w.Code, tt.name, tt.status)
			}
		}
	})
}

func TestD109_AllowancesAreOfAnAccountInARegion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := throttled(func(_, operation string) (string, float64) { return operation, 1 })
		getThing.until(t, g, 100)
		other, abroad, drop := getThing, getThing, getThing
		other.key, abroad.region, drop.method = "KEY222222222222", "us-east-1", "DELETE"
		for what, c := range map[string]call{"another account": other, "another region": abroad, "another allowance": drop} {
			if got := c.until(t, g, 100); got != 5 {
				t.Errorf("%s: %d calls went through, want 5", what, got)
			}
		}
		// What is never limited, and what is not counted.
		for what, c := range map[string]call{
			"S3":           {method: "GET", path: "/bucket", service: "s3"},
			"the own API":  {method: "GET", path: adminapi.Prefix + "jobs", service: adminapi.SigningName},
			"no operation": {method: "PATCH", path: "/things/a", service: "thing"},
			"no such key":  {method: "GET", path: "/things/b", service: "thing", key: "NOKEY"},
		} {
			if got := c.until(t, g, 100); got != 100 {
				t.Errorf("%s: throttled after %d calls, want never", what, got)
			}
		}
	})
}

func TestBucketsOfStillCallersAreDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := throttled(oneASecond)
		for i := range 1000 {
			c := getThing
			c.key = fmt.Sprintf("KEY%012d", i)
			c.at(g)
		}
		busy := getThing
		for range 6 {
			time.Sleep(time.Second)
			busy.at(g)
		}
		if got := len(g.throttle.buckets); got != 1 {
			t.Errorf("%d buckets are kept after 6 seconds, want that of the one who calls", got)
		}
	})
}
