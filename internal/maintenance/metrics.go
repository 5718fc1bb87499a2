package maintenance

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	runs, removed, bytes, errors *prometheus.CounterVec // by duty
	success                      *prometheus.GaugeVec   // by duty
}

func newMetrics(r prometheus.Registerer, duties []duty) *metrics {
	with := promauto.With(r)
	counter := func(name, help string) *prometheus.CounterVec {
		return with.NewCounterVec(prometheus.CounterOpts{Name: "sluice_maintenance_" + name, Help: help}, []string{"duty"})
	}
	m := &metrics{
		runs:    counter("runs_total", "Times that this server did a duty of maintenance (holds, reports, uploads, files, jobs)."),
		removed: counter("removed_total", "What a duty has removed: holds, reports, uploads, files or jobs."),
		bytes:   counter("removed_bytes_total", "Bytes of what a duty has removed, as far as they are known."),
		errors:  counter("errors_total", "Times that a duty could not do all for an error."),
		success: with.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_maintenance_last_success_timestamp_seconds",
			Help: "When this server last did a duty without an error, in Unix time; 0 if it has not.",
		}, []string{"duty"}),
	}
	for _, d := range duties {
		for _, c := range []*prometheus.CounterVec{m.runs, m.removed, m.bytes, m.errors} {
			c.WithLabelValues(d.name)
		}
		m.success.WithLabelValues(d.name)
	}
	return m
}

// removing returns what counts what a duty removes, as it is removed.
func (m *metrics) removing(duty string) func(count, bytes int64) {
	removed, size := m.removed.WithLabelValues(duty), m.bytes.WithLabelValues(duty)
	return func(count, bytes int64) {
		removed.Add(float64(count))
		size.Add(float64(bytes))
	}
}

func (m *metrics) done(duty string, err error, at time.Time) {
	m.runs.WithLabelValues(duty).Inc()
	if err != nil {
		m.errors.WithLabelValues(duty).Inc()
		return
	}
	m.success.WithLabelValues(duty).Set(float64(at.UnixMilli()) / 1e3)
}
