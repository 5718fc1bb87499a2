package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	mailmanagerapi "github.com/sluicehq/sluice/internal/api/mailmanager"
	sesv2api "github.com/sluicehq/sluice/internal/api/sesv2"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/gateway"
	"github.com/sluicehq/sluice/internal/gateway/jobs"
	"github.com/sluicehq/sluice/internal/gateway/s3"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/service/mailmanager"
	"github.com/sluicehq/sluice/internal/service/sesv2"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
	"github.com/sluicehq/sluice/internal/wire"
)

// parts are the parts of a server, put together.
type parts struct {
	store    *pebblestore.Store
	objects  *diskobject.Store
	engine   *engine.Engine
	gateway  *gateway.Gateway
	stopping atomic.Bool
}

// open puts a server on a data directory together. The store comes first: it is what
// keeps a second server off the directory.
func open(c config, getenv func(string) string, log *slog.Logger) (*parts, error) {
	p := &parts{}
	if err := p.open(c, getenv, log); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *parts) open(c config, getenv func(string) string, log *slog.Logger) (err error) {
	if p.store, err = pebblestore.Open(filepath.Join(c.data, "store"), pebblestore.Options{Logger: log}); err != nil {
		return inUse(c.data, err)
	}
	if p.objects, err = diskobject.Open(filepath.Join(c.data, "objects"), diskobject.Options{Logger: log}); err != nil {
		return inUse(c.data, err)
	}
	root, err := rootKey(c.data, getenv)
	if err != nil {
		return err
	}
	return p.connect(c, sigv4.Credentials{AccessKey: root.id, Secret: root.secret, Account: c.account}, log)
}

// connect makes the parts that live in memory, and connects them all.
func (p *parts) connect(c config, root sigv4.Credentials, log *slog.Logger) error {
	secret, err := p.store.Secret(context.Background(), "page tokens")
	if err != nil {
		return err
	}
	tokens, err := service.NewTokens(secret)
	if err != nil {
		return err
	}
	registry := newRegistry()
	limits := service.None
	if c.limits == "aws" {
		limits = service.AWS
	}
	verifier := sigv4.NewVerifier(func(id string) (sigv4.Credentials, bool) {
		return root, id == root.AccessKey
	}, sigv4.Options{})

	options := service.Options{Limits: limits}.WithDefaults()
	p.engine = engine.New(p.store, p.objects, engine.Options{
		Jobs: c.jobs, Lease: c.lease, Grace: c.grace, Logger: log, Registry: registry,
		Limits:  engineLimits(limits),
		Reports: func(j job.Job) object.Name { return reportName(j, options.Bucket) },
	})
	options.Wake = p.engine.Wake
	links := links{s3.NewPresigner(root), p.objects}
	p.gateway = gateway.New(gateway.Parts{
		Verifier: verifier,
		APIs: []*wire.API{
			mailmanagerapi.New(mailmanager.New(p.store, p.objects, links, tokens, options)),
			sesv2api.New(sesv2.New(p.store, p.objects, links, tokens, options)),
		},
		S3:    s3.New(p.objects, verifier, s3.Options{Observe: gateway.Observe}),
		IsS3:  s3.IsS3,
		Jobs:  jobs.New(p.store, jobs.Options{Version: version, Report: p.report, Observe: gateway.Observe}),
		Ready: p.ready,
	}, gateway.Options{Log: log, Registry: registry, Proxy: c.proxy})
	return nil
}

// close gives the data directory up. The engine must be quiet by now.
func (p *parts) close() error {
	var objects, store error
	if p.objects != nil {
		objects = p.objects.Close()
	}
	if p.store != nil {
		store = p.store.Close()
	}
	return errors.Join(objects, store)
}

func (p *parts) ready(ctx context.Context) error {
	if p.stopping.Load() {
		return fault.New(fault.Unavailable, "the server is stopping")
	}
	return p.store.Ping(ctx)
}

// report writes the rejects of a job as the engine does at its end, only from the
// store, so that there is one before the end as well.
func (p *parts) report(ctx context.Context, w io.Writer, j job.Job) error {
	_, err := destination.WriteReport(w, destination.KeyColumn(j.Destination.Kind), p.store.Rejects(ctx, j.Owner, j.ID))
	return err
}

// reportName is where the report of a job goes: beside its uploads.
func reportName(j job.Job, bucket string) object.Name {
	return object.Name{Account: j.Owner.Account, Bucket: bucket, Key: "reports/" + string(j.ID) + ".csv"}
}

// engineLimits gives the engine those limits of a profile that only it can keep.
func engineLimits(l service.Limits) engine.Limits {
	limits := engine.Limits{Members: map[destination.Kind]int{}, Records: map[engine.Target]int64{}}
	for _, k := range []destination.Kind{destination.AddressList, destination.Suppression} {
		limits.Members[k] = l.Members(k)
		for _, a := range []destination.Action{destination.Put, destination.Delete} {
			limits.Records[engine.Target{Kind: k, Action: a}] = l.Records(job.Destination{Kind: k, Action: a})
		}
	}
	return limits
}

func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	built := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_build_info", Help: "Always 1; the label says which version runs.",
	}, []string{"version"})
	built.WithLabelValues(version).Set(1)
	r.MustRegister(built, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// inUse says what it means that a lock is held.
func inUse(data string, err error) error {
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		return fmt.Errorf("data: another server runs on %s (%w)", data, err)
	}
	return err
}
