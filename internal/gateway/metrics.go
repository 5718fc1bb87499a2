package gateway

import (
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicehq/sluice/internal/fault"
)

// metrics are what /metrics shows of requests.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	bytes    *prometheus.CounterVec
	inFlight prometheus.Gauge
	refused  *prometheus.CounterVec
}

// refusals are the kinds that say why a signature, or what it signs, is refused.
var refusals = []fault.Kind{
	fault.Unauthenticated, fault.UnknownKey, fault.BadSignature, fault.Expired, fault.Skewed, fault.BodyMismatch,
}

// newMetrics makes the metrics, with rows for all operations that there are: a counter
// that appears with its first event has no increase then.
func newMetrics(registry prometheus.Registerer, served []Service) *metrics {
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
	m.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_refused_signatures_total", Help: "Requests refused for who asks, by cause, a fault kind.",
	}, []string{"cause"})
	registry.MustRegister(m.requests, m.seconds, m.bytes, m.inFlight, m.refused)
	for _, kind := range refusals {
		m.refused.WithLabelValues(kind.String())
	}
	for _, s := range served {
		for _, operation := range s.Operations {
			for _, code := range []string{"2xx", "4xx", "5xx"} {
				m.requests.WithLabelValues(s.Name, operation, code)
			}
		}
		m.bytes.WithLabelValues(s.Name, "in")
		m.bytes.WithLabelValues(s.Name, "out")
	}
	return m
}

// observe counts a request. Services and operations are few: they come from tables,
// never from what a caller sent.
func (m *metrics) observe(e *exchange) {
	m.requests.WithLabelValues(e.service, e.operation, class(e.status)).Inc()
	m.seconds.WithLabelValues(e.service, e.operation).Observe(time.Since(e.began).Seconds())
	m.bytes.WithLabelValues(e.service, "in").Add(float64(e.in))
	m.bytes.WithLabelValues(e.service, "out").Add(float64(e.out))
	if kind := fault.KindOf(e.err); e.err != nil && slices.Contains(refusals, kind) {
		m.refused.WithLabelValues(kind.String()).Inc()
	}
}

// class is how a status is counted. A caller that hung up is a class of its own: it is
// neither the caller's mistake nor the server's.
func class(status int) string {
	if status == fault.StatusCanceled {
		return "499"
	}
	return strconv.Itoa(status/100) + "xx"
}
