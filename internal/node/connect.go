package node

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/gateway"
	"github.com/sluicehq/sluice/internal/gateway/jobs"
	"github.com/sluicehq/sluice/internal/gateway/s3"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/maintenance"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/report"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/service/admin"
	"github.com/sluicehq/sluice/internal/service/mailmanager"
	"github.com/sluicehq/sluice/internal/service/qconnect"
	"github.com/sluicehq/sluice/internal/service/sesv2"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/wire"
)

// connect makes the parts that live in memory, and connects them all.
func (n *Node) connect(ctx context.Context, v *sigv4.Verifier) error {
	n.counted = newFinishes(n.store, n.registry)
	secret, err := n.store.Secret(ctx, "page tokens")
	if err != nil {
		return err
	}
	tokens, err := service.NewTokens(secret)
	if err != nil {
		return err
	}
	options := service.Options{Limits: n.o.Limits, Bucket: n.objects.bucket}.WithDefaults()
	if n.o.has(Worker) {
		options.Wake = n.engage(options)
	}
	n.maintain(options.Bucket)
	lead := gateway.Parts{
		Verifier: v, IsS3: s3.IsS3, Ready: n.ready,
		APIs: n.apis(tokens, options), S3: refuseS3, Refuse: errNoAPI,
	}
	if n.o.has(API) {
		lead.Refuse = nil
		if lead.Snapshots, err = n.snapshots(); err != nil {
			return err
		}
		lead.S3 = n.objects.s3
		if n.o.Objects == nil {
			lead.S3Operations = s3.Operations()
		}
		own := admin.New(wholeRejects{n.counted, n.objects}, tokens, admin.Options{
			Report: n.report, Release: n.objects.Release, Delete: n.deleteJob(options.Bucket), Waits: n.space.Reason,
		})
		lead.Jobs = jobs.New(own, jobs.Options{Version: n.o.Version, Observe: gateway.Observe})
	}
	n.gateway = gateway.New(lead, gateway.Options{
		Log: n.o.Logger, Registry: n.registry, Guard: n.guard, Proxy: n.o.Proxy, Rate: options.Limits.Rate, MaxBody: maxBody, MinRate: n.o.MinUploadRate,
	})
	return nil
}

// apis are AWS's, each before its service.
func (n *Node) apis(tokens *service.Tokens, o service.Options) []*wire.API {
	return []*wire.API{
		mailmanagerapi.New(mailmanager.New(n.counted, n.objects, n.objects.links, tokens, o)),
		sesv2api.New(sesv2.New(n.counted, n.objects, n.objects.links, tokens, o)),
		qconnectapi.New(qconnect.New(n.counted, n.objects, n.objects.links, tokens, o)),
	}
}

// engage makes the engine, and returns its bell.
func (n *Node) engage(o service.Options) func() {
	name := holder()
	n.o.Logger.Info("running imports", slog.String("holder", name), slog.Int("jobs", n.o.Jobs))
	worker := engine.New(n.counted, n.objects, engine.Options{
		Holder: name, Jobs: n.o.Jobs, Lease: n.o.Lease, Grace: n.o.Grace,
		Logger: n.o.Logger, Registry: n.registry, Guard: n.guard, Waits: n.space.Reason,
		Shared: n.o.shared(), Poll: n.poll(), PingObjects: n.objects.ping,
		Limits: o.Limits, MaxRejections: n.o.MaxRejections, MaxUnpack: n.o.MaxUnpack,
		Reports: func(j job.Job) object.Name { return report.Name(j, o.Bucket) },
	})
	n.run = append(n.run, worker.Run)
	return worker.Wake
}

// maintain makes maintenance, which runs on every node.
func (n *Node) maintain(bucket string) {
	m := maintenance.New(n.store, n.objects, maintenance.Options{
		Bucket: bucket, Holder: holder(),
		KeepUploads: n.o.KeepUploads, KeepJobs: n.o.KeepJobs, KeepFiles: n.o.KeepFiles,
		Logger: n.o.Logger, Registry: n.registry, Guard: n.guard,
	})
	n.run = append(n.run, m.Run)
}

// deleteJob deletes a job that is final, with all that is its own.
func (n *Node) deleteJob(bucket string) func(context.Context, job.Job) error {
	return func(ctx context.Context, j job.Job) error {
		_, err := maintenance.DeleteJob(ctx, n.store, n.objects, bucket, j)
		return err
	}
}

// poll is how often other nodes' jobs are looked for; 0 is the engine's own choice. A
// node that has a job leaves the next for that long to others.
func (n *Node) poll() time.Duration {
	if n.o.shared() {
		return 250 * time.Millisecond
	}
	return 0
}

// errNoAPI is what a node answers that only works on jobs.
var errNoAPI = fault.New(fault.Unavailable, "this server only runs imports (--roles worker): "+
	"call one with the role api, which answers /readyz?role=api with 200")

// refuseS3 answers with errNoAPI in the form of S3.
func refuseS3(w http.ResponseWriter, _ *http.Request, _ *sigv4.Signature) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+
		`<Error><Code>ServiceUnavailable</Code><Message>`+errNoAPI.Error()+`</Message></Error>`)
}

// report writes the rejects of a job as the engine does at its end, so that there is a
// report before the end as well.
func (n *Node) report(ctx context.Context, w io.Writer, j job.Job, safe bool) error {
	rejects := wholeRejects{n.store, n.objects}.Rejects(ctx, j.Owner, j.ID)
	write := report.Write
	if safe {
		write = report.WriteSafe
	}
	_, err := write(w, destination.KeyColumn(j.Destination.Kind), rejects)
	return err
}

// wholeRejects is a store that gives rejects with their whole records, for as long as
// their source is there.
type wholeRejects struct {
	store.Store
	objects engine.Opener
}

func (s wholeRejects) Rejects(ctx context.Context, o job.Owner, id job.ID) iter.Seq2[record.Reject, error] {
	j, err := s.Job(ctx, o, id)
	if err != nil {
		return func(yield func(record.Reject, error) bool) { yield(record.Reject{}, err) }
	}
	return report.Whole(s.Store.Rejects(ctx, o, id), func(offset int64) (io.ReadCloser, error) {
		return engine.OpenSource(ctx, s.objects, j, offset)
	}, j.Checkpoint.Layout)
}

func newRegistry(version string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	built := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_build_info", Help: "Always 1; the label says which version runs.",
	}, []string{"version"})
	built.WithLabelValues(version).Set(1)
	r.MustRegister(built, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}
