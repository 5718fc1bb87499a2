// Package gateway is where a request arrives.
//
//	request ─> id, log, metrics ─┬─> /livez /readyz /metrics   anyone may ask
//	                             ├─> S3                        signs for s3
//	                             ├─> /sluice/v1/…  own API     signs for sluice
//	                             └─> AWS APIs by wire.Mux      sign for their service
//
// In come HTTP requests; each goes to one place, by what it was signed for and what
// it asks, and leaves one line in the access log and one count in the metrics. The
// gateway promises that
//
//   - every reply carries a request id, and the log has it;
//   - a signature is parsed once: requests are routed by it, and it is what is verified;
//   - an API's handler runs only after the signature holds, and finds the caller with
//     caller.FromContext; S3 verifies for itself, since its bodies are streams;
//   - an account that calls AWS's APIs more often than Options.Rate says is told so,
//     before the service is;
//   - a handler that panics is a reply of 500 and a line with the stack, no more;
//   - a caller that stops sending or receiving is cut off, one that keeps going is
//     not, however long it takes, see Options.Stall; but calls that are not to S3 have
//     small bodies, and Options.BodyTime for them;
//   - no path, query or body is logged: they hold members' addresses. The log has the
//     operation's name.
//
// The gateway passes requests on and gives replies; what they mean is the services'
// business.
package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/caller"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/gateway/jobs"
	"github.com/sluicehq/sluice/internal/gateway/snapshots"
	"github.com/sluicehq/sluice/internal/guard"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/wire"
)

// Parts are what the gateway leads to.
type Parts struct {
	Verifier *sigv4.Verifier
	APIs     []*wire.API   // AWS's APIs, each verified for its signing name
	S3       SignedHandler // verifies for itself
	// IsS3 is S3's rule of what is meant for it. It is asked about requests that no API
	// of the mux matches.
	IsS3  func(r *http.Request, sig *sigv4.Signature) bool
	Jobs  http.Handler                // the own API, below adminapi.Prefix
	Ready func(context.Context) error // tests whether everything works, for /readyz
	// S3Operations are the names of the operations that S3 serves, for GET / and metrics.
	S3Operations []string
	// Snapshots serves snapshots.Path of the own API.
	Snapshots http.Handler
	// Refuse, if not nil, is the answer to every call of an API: this server has the parts
	// but does not serve them. S3 answers so by itself.
	Refuse error
}

// SignedHandler answers a request whose signature has been parsed and not yet verified.
type SignedHandler func(w http.ResponseWriter, r *http.Request, sig *sigv4.Signature)

// Options of a Gateway; the zero value works.
type Options struct {
	Log      *slog.Logger         // nil logs nothing
	Registry *prometheus.Registry // what /metrics shows; nil makes an empty one
	Guard    *guard.Guard         // logs and counts panics of handlers; nil makes one for Log and Registry
	// Stall is how long a caller may leave us waiting for its next bytes, or not
	// take ours. 0 means a minute, which is what load balancers grant too.
	Stall time.Duration
	// MinRate is how many bytes a second of a body must arrive on average over each Stall;
	// 0 means that one byte will do.
	MinRate int64
	// MaxBody is the largest body of a call to AWS's APIs; 0 is the wire package's default.
	MaxBody int64
	// BodyTime is how long the whole body of a call may take to arrive, to all APIs but
	// S3. 0 means 10 seconds.
	BodyTime time.Duration
	// Proxy trusts X-Forwarded-Proto. Set it only where a proxy writes that header,
	// or callers choose the scheme of the links they are given.
	Proxy bool
	// Rate limits the calls of each account to AWS's APIs, in each region by itself; nil
	// does not. S3 and the own API are never limited.
	Rate Rate
}

// Gateway is an http.Handler for everything that Sluice serves.
type Gateway struct {
	parts    Parts
	o        Options
	mux      *wire.Mux
	throttle *throttle
	metrics  *metrics
	shown    http.Handler // /metrics
	index    string       // what GET / shows
}

// New returns a Gateway to the given parts. Its metrics go into Options.Registry.
func New(p Parts, o Options) *Gateway {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.Guard == nil {
		o.Guard = guard.New(o.Log, o.Registry)
	}
	if o.Stall == 0 {
		o.Stall = time.Minute
	}
	if o.BodyTime == 0 {
		o.BodyTime = 10 * time.Second
	}
	if o.Rate == nil {
		o.Rate = func(string, string) (string, float64) { return "", 0 }
	}
	served := services(p)
	return &Gateway{
		index:    index(served),
		parts:    p,
		o:        o,
		mux:      wire.NewMux(wire.Options{MaxBody: o.MaxBody, Observe: Observe}, p.APIs...),
		throttle: newThrottle(o.Rate),
		metrics:  newMetrics(o.Registry, served),
		shown:    promhttp.HandlerFor(o.Registry, promhttp.HandlerOpts{}),
	}
}

func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := newExchange()
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, e))
	out := &reply{ResponseWriter: w, exchange: e}
	body := track(out, r, g.o.Stall, g.o.MinRate)
	w.Header().Set(wire.RequestIDHeader, e.id)

	g.metrics.inFlight.Inc()
	defer func() {
		g.metrics.inFlight.Dec()
		crash := g.rescue(out, r, recover())
		if crash == nil {
			out.started() // a handler that says nothing says 200
		}
		body.end()
		out.end()
		if e.hungUp {
			e.err = errHungUp
		}
		if fault.Is(e.err, fault.Canceled) {
			e.status = fault.StatusCanceled // also when a part of the reply was taken
		}
		g.metrics.observe(e)
		g.log(r, e)
		if crash != nil {
			panic(crash)
		}
	}()
	g.route(out, r, e)
}

// route leads a request to its place. What it was signed for comes first, so that a
// bucket may have any name: "metrics", "v2" or "sluice".
func (g *Gateway) route(w http.ResponseWriter, r *http.Request, e *exchange) {
	e.signature = sigv4.Parse(r)
	signed := e.signature.Service()
	switch {
	case signed == "" && r.URL.Path == "/livez":
		e.service, e.operation = serviceOwn, opLive
		g.live(w)
	case signed == "" && (r.URL.Path == "/readyz" || r.URL.Path == "/healthz"):
		e.service, e.operation = serviceOwn, opReady
		g.ready(w, r)
	case signed == "" && r.URL.Path == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead) && isPerson(r):
		e.service, e.operation = serviceOwn, opIndex
		g.showIndex(w, r)
	case signed == "" && r.URL.Path == "/metrics":
		e.service, e.operation = serviceOwn, opMetrics
		g.shown.ServeHTTP(w, r)
	case signed != serviceS3 && strings.HasPrefix(r.URL.Path, adminapi.Prefix):
		g.own(w, r, e)
	case signed == serviceS3:
		g.s3(w, r, e)
	default:
		g.aws(w, r, e)
	}
}

// The services that are not AWS's APIs, in log and metrics.
const (
	serviceS3  = "s3"
	serviceOwn = "sluice"
)

// The names of what anyone may ask, in log and metrics.
const (
	opLive    = "Live"
	opReady   = "Ready"
	opMetrics = "Metrics"
	opIndex   = "Index"
)

// aws serves the APIs of the mux. What none of them knows is S3's if its rule says
// so, and lost otherwise.
func (g *Gateway) aws(w http.ResponseWriter, r *http.Request, e *exchange) {
	match, ok := g.mux.Match(r)
	if match.API == nil {
		if g.parts.IsS3 != nil && g.parts.IsS3(r, e.signature) {
			g.s3(w, r, e)
			return
		}
		e.operation = "Unknown"
		g.lost(w, r, e, match)
		return
	}
	e.service, e.operation = match.API.Name, "Unknown"
	if ok {
		e.operation = match.Operation.Name
	} else {
		e.requested = requested(r, e.signature)
	}
	if err := g.parts.Refuse; err != nil {
		e.err = err
		wire.WriteFault(w, r, match, err)
		return
	}
	r, err := g.admit(r, e, match.API.SigningName)
	if err == nil && !ok {
		err = errUnserved
	}
	if err == nil {
		err = g.throttle.admit(w.Header(), caller.FromContext(r.Context()), match)
	}
	if err != nil {
		e.err = err
		wire.WriteFault(w, r, match, err)
		return
	}
	g.mux.Serve(w, r, match)
}

// own serves the API under adminapi.Prefix, which is ours.
func (g *Gateway) own(w http.ResponseWriter, r *http.Request, e *exchange) {
	e.service, e.operation = serviceOwn, "Unknown"
	if err := g.parts.Refuse; err != nil {
		e.err = err
		jobs.WriteFault(w, err)
		return
	}
	r, err := g.admit(r, e, adminapi.SigningName)
	if err != nil {
		e.err = err
		jobs.WriteFault(w, err)
		return
	}
	if r.URL.Path == snapshots.Path && g.parts.Snapshots != nil {
		g.parts.Snapshots.ServeHTTP(w, r)
		return
	}
	g.parts.Jobs.ServeHTTP(w, r)
}

// admit verifies r for a service and gives it its caller.
func (g *Gateway) admit(r *http.Request, e *exchange, service string) (*http.Request, error) {
	e.body.within(g.o.BodyTime)
	id, err := g.parts.Verifier.Verify(r, e.signature, service)
	if err != nil {
		return r, err
	}
	e.account, e.key = id.Account, id.AccessKey
	who := caller.Caller{
		Account: id.Account, Region: id.Region, AccessKey: id.AccessKey,
		RequestID: e.id, BaseURL: g.baseURL(r),
	}
	return r.WithContext(caller.NewContext(r.Context(), who)), nil
}

// baseURL is how the caller reached us. The host is the one that it signed.
func (g *Gateway) baseURL(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	if g.o.Proxy {
		if p := r.Header.Get("X-Forwarded-Proto"); p == "http" || p == "https" {
			scheme = p
		}
	}
	return scheme + "://" + r.Host
}
