package node

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// The metrics of what there is, which is asked for when they are scraped.
var (
	descJobs = prometheus.NewDesc("sluice_jobs",
		"Jobs that are not final, by state. Nodes that share a store all show the same.", []string{"state"}, nil)
	descReasons = prometheus.NewDesc("sluice_jobs_waiting",
		"Jobs whose last attempt ended early, and that wait for the next, by reason. Nodes that share a store all show the same.", []string{"reason"}, nil)
	descOldest = prometheus.NewDesc("sluice_oldest_waiting_job_seconds",
		"For how long the job has waited that could be worked on and has waited longest; 0 if none waits.", nil, nil)
	descStoreBytes = prometheus.NewDesc("sluice_store_bytes",
		"Bytes that jobs, lists and members take: files of the embedded store, or the whole database.", nil, nil)
	descObjectsBytes = prometheus.NewDesc("sluice_objects_bytes",
		"Bytes that uploads and reports take on the disk of this node.", nil, nil)
)

// How old what is shown may be. To count jobs costs in proportion to those that are not
// final; to add up files, in proportion to all of them.
const (
	countEvery   = time.Second
	measureEvery = time.Minute
)

// inventory is a prometheus.Collector of what there is.
type inventory struct {
	jobs    sampler[store.JobCounts]
	store   sampler[int64]
	objects *sampler[int64] // nil if objects are elsewhere
}

// watchInventory registers the metrics of what there is.
func (n *Node) watchInventory() {
	v := &inventory{
		jobs:  sampler[store.JobCounts]{every: countEvery, measure: n.store.JobCounts},
		store: sampler[int64]{every: measureEvery, measure: n.storeBytes},
	}
	closers := []func() error{v.jobs.close, v.store.close}
	if n.objects.bytes != nil {
		v.objects = &sampler[int64]{every: measureEvery, measure: n.objects.bytes}
		closers = append(closers, v.objects.close)
	}
	n.registry.MustRegister(v)
	n.closers = append(n.closers, closers...)
}

// Describe implements prometheus.Collector.
func (v *inventory) Describe(descs chan<- *prometheus.Desc) {
	descs <- descJobs
	descs <- descReasons
	descs <- descOldest
	descs <- descStoreBytes
	descs <- descObjectsBytes
}

// Collect implements prometheus.Collector. What cannot be measured is left out.
func (v *inventory) Collect(metrics chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	if c, ok := v.jobs.get(); ok {
		gauge(descJobs, float64(c.Created), string(job.Created))
		gauge(descJobs, float64(c.Processing), string(job.Processing))
		for _, reason := range job.Reasons() {
			gauge(descReasons, float64(c.Reasons[reason]), string(reason))
		}
		age := 0.0
		if c.Waiting > 0 {
			age = max(0, time.Since(c.WaitingSince).Seconds()) // the time may be a database's
		}
		gauge(descOldest, age)
	}
	if bytes, ok := v.store.get(); ok {
		gauge(descStoreBytes, float64(bytes))
	}
	if v.objects == nil {
		return
	}
	if bytes, ok := v.objects.get(); ok {
		gauge(descObjectsBytes, float64(bytes))
	}
}

// finishes counts the jobs that become final through a store, by engine or caller.
type finishes struct {
	store.Store
	total *prometheus.CounterVec
}

func newFinishes(s store.Store, r prometheus.Registerer) finishes {
	f := finishes{s, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_jobs_finished_total", Help: "Jobs that this server has ended, by their final state.",
	}, []string{"state"})}
	r.MustRegister(f.total)
	for _, state := range []job.State{job.Completed, job.Failed, job.Stopped} {
		f.total.WithLabelValues(string(state))
	}
	return f
}

// Finish implements store.Store.
func (f finishes) Finish(ctx context.Context, l job.Lease, o store.Outcome) (job.Job, error) {
	j, err := f.Store.Finish(ctx, l, o)
	if err == nil {
		f.total.WithLabelValues(string(j.State)).Inc()
	}
	return j, err
}

// ChangeJob implements store.Store.
func (f finishes) ChangeJob(ctx context.Context, o job.Owner, id job.ID, change func(*job.Job) error) (job.Job, error) {
	var ended atomic.Bool // change may be called again; the last call counts
	j, err := f.Store.ChangeJob(ctx, o, id, func(j *job.Job) error {
		was := j.State.Final()
		err := change(j)
		ended.Store(!was && j.State.Final())
		return err
	})
	if err == nil && ended.Load() {
		f.total.WithLabelValues(string(j.State)).Inc()
	}
	return j, err
}
