package gateway

import (
	"slices"
	"strconv"
	"sync"
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

	mu   sync.RWMutex
	rows map[rowKey]*row
}

// rowKey is what a request is counted by.
type rowKey struct{ service, operation, class string }

// row is where a request is counted. To find these by their labels costs far more than to
// count.
type row struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
	in, out  prometheus.Counter
}

// refusals are the kinds that say why a signature, or what it signs, is refused.
var refusals = []fault.Kind{
	fault.Unauthenticated, fault.UnknownKey, fault.BadSignature, fault.Expired, fault.Skewed, fault.BodyMismatch,
}

// newMetrics makes the metrics, with rows for all operations that there are: a counter
// that appears with its first event has no increase then.
func newMetrics(registry prometheus.Registerer, served []Service) *metrics {
	m := &metrics{
		rows: map[rowKey]*row{},
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
	row := m.row(rowKey{e.service, e.operation, class(e.status)})
	row.requests.Inc()
	row.seconds.Observe(time.Since(e.began).Seconds())
	row.in.Add(float64(e.in))
	row.out.Add(float64(e.out))
	if e.err == nil {
		return
	}
	if kind := fault.KindOf(e.err); slices.Contains(refusals, kind) {
		m.refused.WithLabelValues(kind.String()).Inc()
	}
}

func (m *metrics) row(key rowKey) *row {
	m.mu.RLock()
	r := m.rows[key]
	m.mu.RUnlock()
	if r != nil {
		return r
	}
	r = &row{
		requests: m.requests.WithLabelValues(key.service, key.operation, key.class),
		seconds:  m.seconds.WithLabelValues(key.service, key.operation),
		in:       m.bytes.WithLabelValues(key.service, "in"),
		out:      m.bytes.WithLabelValues(key.service, "out"),
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows[key] = r
	return r
}

// class is how a status is counted. A caller that hung up is a class of its own: it is
// neither the caller's mistake nor the server's.
func class(status int) string {
	if status == fault.StatusCanceled {
		return "499"
	}
	if hundreds := status / 100; hundreds < len(classes) {
		return classes[hundreds]
	}
	return strconv.Itoa(status/100) + "xx"
}

var classes = [...]string{"0xx", "1xx", "2xx", "3xx", "4xx", "5xx"}
