package engine

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
)

type metrics struct {
	records *prometheus.CounterVec // by destination and result
	jobs    *prometheus.CounterVec // by outcome
	running prometheus.Gauge
	retries prometheus.Counter
	batches prometheus.Counter
	commit  prometheus.Histogram
	read    prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	with := promauto.With(r)
	m := &metrics{
		records: with.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_records_total", Help: "Records committed, by kind of destination and result (imported, rejected).",
		}, []string{"destination", "result"}),
		jobs: with.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_job_attempts_total", Help: "Attempts at jobs that ended here, by outcome (completed, failed, stopped, released, postponed, lost).",
		}, []string{"outcome"}),
		running: with.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_jobs_running", Help: "Jobs being worked on now.",
		}),
		retries: with.NewCounter(prometheus.CounterOpts{
			Name: "sluice_job_retries_total", Help: "Attempts that ended early, and are made again after a pause.",
		}),
		batches: with.NewCounter(prometheus.CounterOpts{
			Name: "sluice_batches_total", Help: "Batches committed.",
		}),
		commit: with.NewHistogram(prometheus.HistogramOpts{
			Name: "sluice_commit_seconds", Help: "Time that the commit of a prepared batch took.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15), // half a millisecond to eight seconds
		}),
		read: with.NewCounter(prometheus.CounterOpts{
			Name: "sluice_source_bytes_total", Help: "Bytes of sources read, as they lie there.",
		}),
	}
	m.initialize()
	return m
}

// initialize makes the rows of all labels: a counter that appears with its first event has
// no increase then.
func (m *metrics) initialize() {
	for _, out := range []outcome{outcome(job.Completed), outcome(job.Failed), outcome(job.Stopped), released, postponed, lost} {
		m.jobs.WithLabelValues(string(out))
	}
	for _, kind := range []destination.Kind{
		destination.AddressList, destination.Suppression, destination.ContactList, destination.QuickResponses,
	} {
		m.committed(kind, job.Counts{}, job.Counts{})
	}
}

// committed counts what has been committed between two counts of a job.
func (m *metrics) committed(k destination.Kind, before, after job.Counts) {
	m.records.WithLabelValues(string(k), "imported").Add(float64(max(0, after.Imported-before.Imported)))
	m.records.WithLabelValues(string(k), "rejected").Add(float64(max(0, after.Rejected-before.Rejected)))
}
