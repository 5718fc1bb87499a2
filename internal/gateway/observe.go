package gateway

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/guard"
)

// log writes the line of the access log. The sentence of a fault is the caller's and
// may hold an address; only its kind is logged. An error of our own is logged whole.
func (g *Gateway) log(r *http.Request, e *exchange) {
	level := slog.LevelInfo
	switch {
	case e.service == "sluice" && (e.operation == opLive || e.operation == opReady || e.operation == opMetrics):
		level = slog.LevelDebug // asked every few seconds, by machines
	case fault.Is(e.err, fault.Throttled), fault.Is(e.err, fault.LimitExceeded):
		// What a caller can bring about by itself wakes nobody, also where S3 has 503 for it.
	case fault.Is(e.err, fault.StorageFull), fault.Is(e.err, fault.Overloaded):
		level = slog.LevelWarn // what is behind it is logged once, not with each request
	case e.status >= http.StatusInternalServerError && e.status != http.StatusNotImplemented:
		level = slog.LevelError // what is not implemented is no failure of this server
	}
	if !g.o.Log.Enabled(r.Context(), level) {
		return
	}
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs,
		slog.String("service", e.service),
		slog.String("operation", e.operation),
		slog.Int("status", e.status),
		slog.Int64("in", e.in),
		slog.Int64("out", e.out),
		slog.Duration("duration", time.Since(e.began)),
		slog.String("request", e.id),
	)
	if e.account != "" {
		attrs = append(attrs, slog.String("account", e.account))
	}
	switch kind := fault.KindOf(e.err); {
	case e.err == nil:
	case kind != fault.Internal:
		attrs = append(attrs, slog.String("fault", kind.String()))
	case e.status < 400 || e.status >= 500: // else S3 has made it the caller's, in words of its own
		attrs = append(attrs, slog.String("error", e.err.Error()))
	}
	g.o.Log.LogAttrs(r.Context(), level, "request", attrs...)
}

// rescue turns a panic of a handler into a reply. It returns what has to be thrown
// on, so that net/http closes the connection: the reply had begun, and its receiver
// must not take the part for the whole.
func (g *Gateway) rescue(w *reply, r *http.Request, thrown any) any {
	if thrown == nil {
		return nil
	}
	if err, ok := thrown.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		return thrown
	}
	g.o.Guard.Log(r.Context(), guard.Request, thrown,
		slog.String("operation", w.exchange.operation), slog.String("request", w.exchange.id))
	if w.exchange.status != 0 {
		return http.ErrAbortHandler
	}
	g.broken(w, r)
	return nil
}

// metrics are what /metrics shows of requests.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	bytes    *prometheus.CounterVec
	inFlight prometheus.Gauge
}

func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_requests_total", Help: "Requests answered, by the class of their status (2xx, 3xx, 4xx, 5xx), or 499: the caller hung up.",
		}, []string{"service", "operation", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sluice_request_seconds", Help: "Time from a request's header to the end of its reply.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 10), // half a millisecond to two minutes
		}, []string{"service", "operation"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_request_bytes_total", Help: "Bytes of request bodies (in) and reply bodies (out).",
		}, []string{"service", "direction"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_requests_in_flight", Help: "Requests being answered now.",
		}),
	}
	registry.MustRegister(m.requests, m.seconds, m.bytes, m.inFlight)
	return m
}

// observe counts a request. Services and operations are few: they come from tables,
// never from what a caller sent.
func (m *metrics) observe(e *exchange) {
	m.requests.WithLabelValues(e.service, e.operation, class(e.status)).Inc()
	m.seconds.WithLabelValues(e.service, e.operation).Observe(time.Since(e.began).Seconds())
	m.bytes.WithLabelValues(e.service, "in").Add(float64(e.in))
	m.bytes.WithLabelValues(e.service, "out").Add(float64(e.out))
}

// class is how a status is counted. A caller that hung up is a class of its own: it is
// neither the caller's mistake nor the server's.
func class(status int) string {
	if status == fault.StatusCanceled {
		return "499"
	}
	return strconv.Itoa(status/100) + "xx"
}
