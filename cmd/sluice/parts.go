package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

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
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/service/mailmanager"
	"github.com/sluicehq/sluice/internal/service/sesv2"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/wire"
)

// parts are the parts of a server, put together.
type parts struct {
	store    store.Store
	files    files
	gateway  *gateway.Gateway
	stopping atomic.Bool

	run     []func(context.Context) error // what goes on until the server ends
	closers []func() error
}

// open puts a server together. The store comes first: an embedded one is what keeps a
// second server off the data directory.
func open(ctx context.Context, c config, getenv func(string) string, log *slog.Logger) (*parts, error) {
	p := &parts{}
	if err := p.open(ctx, c, getenv, log); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *parts) open(ctx context.Context, c config, getenv func(string) string, log *slog.Logger) error {
	if err := p.openStore(ctx, c, log); err != nil {
		return err
	}
	root, err := rootKey(c.data, getenv)
	if err != nil {
		return err
	}
	keys := sigv4.Credentials{AccessKey: root.id, Secret: root.secret, Account: c.account}
	verifier := sigv4.NewVerifier(func(id string) (sigv4.Credentials, bool) {
		return keys, id == keys.AccessKey
	}, sigv4.Options{})
	if p.files, err = openFiles(ctx, c, getenv, keys, verifier, log); err != nil {
		return err
	}
	if p.files.close != nil {
		p.closers = append(p.closers, p.files.close)
	}
	return p.connect(ctx, c, verifier, log)
}

// openStore opens the store that the settings name. A shared one may be away for a
// moment while a whole installation starts.
func (p *parts) openStore(ctx context.Context, c config, log *slog.Logger) error {
	if c.store == pebble {
		s, err := pebblestore.Open(filepath.Join(c.data, "store"), pebblestore.Options{Logger: log})
		if err != nil {
			return inUse(c.data, err)
		}
		p.store, p.closers = s, append(p.closers, s.Close)
		return nil
	}
	return patiently(ctx, log, "store", func() error {
		s, err := pgstore.Open(ctx, c.store, pgstore.Options{Logger: log})
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		p.store, p.closers = s, append(p.closers, s.Close)
		p.run = append(p.run, s.Run)
		return nil
	})
}

// patiently tries to open something that is elsewhere, for as long as it is only out of
// reach and the time to start is not over.
func patiently(ctx context.Context, log *slog.Logger, what string, open func() error) error {
	end := time.Now().Add(startWithin)
	for {
		err := open()
		if err == nil || !fault.Is(err, fault.Unavailable) || time.Now().After(end) {
			return err
		}
		log.Warn("waiting", slog.String("for", what), slog.Any("error", err))
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}

// startWithin is how long a start waits for a database or an S3 that does not answer.
const startWithin = time.Minute

// connect makes the parts that live in memory, and connects them all.
func (p *parts) connect(ctx context.Context, c config, verifier *sigv4.Verifier, log *slog.Logger) error {
	secret, err := p.store.Secret(ctx, "page tokens")
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
	options := service.Options{Limits: limits, Bucket: p.files.bucket}.WithDefaults()
	if c.has(roleWorker) {
		worker := engine.New(p.store, p.files.objects, engine.Options{
			Holder: holder(), Jobs: c.jobs, Lease: c.lease, Grace: c.grace, Logger: log, Registry: registry,
			Shared: c.store != pebble, Poll: poll(c),
			Limits:  engineLimits(limits),
			Reports: func(j job.Job) object.Name { return reportName(j, options.Bucket) },
		})
		options.Wake = worker.Wake
		p.run = append(p.run, worker.Run)
	}
	lead := gateway.Parts{
		Verifier: verifier, IsS3: s3.IsS3, Ready: p.ready,
		S3: noAPI{}, Jobs: noAPI{},
	}
	if c.has(roleAPI) {
		lead.APIs = []*wire.API{
			mailmanagerapi.New(mailmanager.New(p.store, p.files.objects, p.files.links, tokens, options)),
			sesv2api.New(sesv2.New(p.store, p.files.objects, p.files.links, tokens, options)),
		}
		lead.S3 = p.files.s3
		lead.Jobs = jobs.New(p.store, jobs.Options{
			Version: version, Report: p.report, Observe: gateway.Observe, Release: p.files.objects.Release,
		})
	}
	p.gateway = gateway.New(lead, gateway.Options{Log: log, Registry: registry, Proxy: c.proxy})
	return nil
}

// holder names this node in leases, for who looks into the store: its host, and a word
// that is another after every start.
func holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + "-" + rand.Text()[:8]
}

// poll is how often other nodes' jobs are looked for; 0 is the engine's own choice. A
// node that has a job leaves the next for that long to others.
func poll(c config) time.Duration {
	if c.store == pebble {
		return 0
	}
	return 250 * time.Millisecond
}

// noAPI stands for the APIs on a node that only works on jobs.
type noAPI struct{}

func (noAPI) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "this node only works on jobs; ask one with --roles api", http.StatusServiceUnavailable)
}

// close gives everything up, last opened first. What p.run runs must be quiet by now.
func (p *parts) close() error {
	var errs []error
	for _, c := range slices.Backward(p.closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
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
