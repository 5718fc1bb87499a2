package fleet

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"github.com/sluicehq/sluice/internal/testenv"
)

// TestSilentSources imports from an S3 that accepts requests for most of the sources and never
// answers them. A job whose source answers again goes on soon, and one whose source needs 20 s
// for its first byte is done.
func TestSilentSources(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("TestRetriesBesideSilentSources is the short form")
	}
	const silent, region = 100, "eu-test-1"
	endpoint := startS3(t)
	s := newSlowS3(t, endpoint)
	f := &fleet{t: t, random: testenv.Rand(t), files: fileClient(endpoint)}
	f.makeSources()
	at := url.Values{"endpoint": {s.URL}, "public-endpoint": {endpoint}, "region": {"us-east-1"}, "path-style": {"true"}}
	n := &node{process: newProcess(t, "server", []string{
		"SLUICE_ACCESS_KEY_ID=" + rootKey, "SLUICE_SECRET_ACCESS_KEY=" + rootSecret,
		"AWS_ACCESS_KEY_ID=" + s3Key, "AWS_SECRET_ACCESS_KEY=" + s3Secret,
	}, "--objects", "s3://work?"+at.Encode(), "--jobs", "2")}
	n.start()
	start := func(key string) *imported {
		im := newImport(key, 1000)
		f.upload(im, region)
		f.create(im, region, n)
		return im
	}
	back := start("back")
	slow := start("slow")
	for i := range silent {
		start(fmt.Sprint("silent", i))
	}
	within(t, soon, "all jobs wait", func() bool { return n.waiting() > silent }) // the slow one may be done
	s.isBack.Store(true)
	// It is a minute at most, of which a busy machine may make more.
	within(t, 100*time.Second, "the job whose source is back is done", func() bool { return n.isCompleted(t.Context(), back, region) })
	within(t, 10*time.Minute, "the job with the slow source is done", func() bool { return n.isCompleted(t.Context(), slow, region) })
	if got := n.waiting(); got != silent {
		t.Errorf("%d jobs wait, want %d", got, silent)
	}
}

var waitingJobs = regexp.MustCompile(`(?m)^sluice_jobs_waiting\{[^}]*\} (\d+)$`)

// waiting returns how many jobs wait for their next attempt.
func (p *process) waiting() (n int) {
	_, text := p.get("/metrics")
	for _, m := range waitingJobs.FindAllStringSubmatch(text, -1) {
		count, _ := strconv.Atoi(m[1])
		n += count
	}
	return n
}

func (p *process) isCompleted(ctx context.Context, im *imported, region string) bool {
	got, err := p.mail(region).GetImportJob(ctx, &sesv2.GetImportJobInput{JobId: &im.id})
	return err == nil && got.JobStatus == "COMPLETED"
}

// slowS3 is an S3 that does not answer, or late, where sources are read. Which, their keys say.
type slowS3 struct {
	*httptest.Server
	isBack atomic.Bool
}

func newSlowS3(t *testing.T, endpoint string) *slowS3 {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // which is signed
	}}
	s := new(slowS3)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var late <-chan time.Time // nil is never
		_, key, _ := strings.Cut(r.URL.Path, "/"+sources+"/eu-test-1/")
		switch {
		case r.Method != http.MethodGet || key == "":
			forward.ServeHTTP(w, r)
			return
		case key == "back" && s.isBack.Load():
			late = time.After(0)
		case key == "slow":
			late = time.After(20 * time.Second)
		}
		select {
		case <-late:
			forward.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	return s
}
