// Package s3object keeps objects in an S3 that is not ours: AWS, MinIO, Ceph, or
// anything else that speaks S3.
//
// In come names and streams, out go streams, what is known about objects, and links
// of that S3. A URL chooses it, see Open.
//
// # Where things lie
//
// One bucket is the work bucket: what callers upload and what jobs report is there,
// the accounts apart by a folder each.
//
//	object.Name{account, work bucket, key}  ->  s3://WORK/PREFIX account/key
//	object.Name{account, other bucket, key} ->  s3://other bucket/key, only to be read
//
// So in the work bucket no account can name what is another's. Every other bucket is a
// source: it is read for every account, and never written to. Which sources there
// are, the credentials decide: a caller that may create a job may import from every bucket
// that they open, so let them open only what every account may import; no alias of the
// work bucket either, such as an access point. Keys with a "." or ".." between slashes
// are refused, for some servers and proxies would take them for paths.
//
// # What is promised
//
// The package promises what objecttest.Run checks, where the bucket keeps versions. In
// one that does not, nothing keeps what another puts over a name: a held version is then
// bound by its ETag, and once the object is replaced, reading it is fault.Broken. Never
// are bytes of two versions read as one. A reading goes on after a broken connection.
// What is acknowledged is as durable as that S3 makes it; a Put whose acknowledgement
// was lost on the way may have happened.
//
// Two things stay behind in the work bucket, unseen, which rules in its life cycle clear
// away: parts of an upload that a crash cut off (AbortIncompleteMultipartUpload), and
// former versions, where they are kept (NoncurrentVersionExpiration, after no less time
// than a job may take).
package s3object

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sluicehq/sluice/internal/guard"
	"github.com/sluicehq/sluice/internal/object"
)

var _ object.Store = (*Store)(nil)

// Options are what a Store may be told. The zero value works.
type Options struct {
	// Credentials are what requests are signed with. Nil looks for AWS_ACCESS_KEY_ID,
	// AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, then into the file that
	// AWS_SHARED_CREDENTIALS_FILE names, or ~/.aws/credentials, for the profile
	// AWS_PROFILE, or "default". The file is read again every few minutes.
	Credentials aws.CredentialsProvider

	Getenv     func(string) string // nil is os.Getenv
	HTTPClient s3.HTTPClient       // nil is one with timeouts that suit
	Logger     *slog.Logger        // nil is silent
	Guard      *guard.Guard        // recovers panics of goroutines; nil without a log line

	// PartSize is how much of a longer object is sent at a time. A Put holds at most
	// three parts in memory, and S3 takes at most 10,000 of them, and none below 5 MiB
	// but the last. 0 is 8 MiB, for objects up to 78 GiB.
	PartSize int

	// IdleTimeout is how long a connection may stay silent before a reading takes another
	// one. 0 is 10 seconds.
	IdleTimeout time.Duration

	// Pause is the longest pause before a request is made again. 0 is 5 seconds.
	Pause time.Duration

	// RetryTimeout is how long a reading tries to get one byte further, over as many
	// connections as it takes. 0 is 5 seconds: the reader can wait longer without
	// keeping what it reads for from others.
	RetryTimeout time.Duration
}

func (o Options) withDefaults() Options {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.HTTPClient == nil {
		o.HTTPClient = newHTTPClient()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.PartSize == 0 {
		o.PartSize = 8 << 20
	}
	o.PartSize = max(o.PartSize, 5<<20)
	if o.IdleTimeout == 0 {
		o.IdleTimeout = 10 * time.Second
	}
	if o.Pause == 0 {
		o.Pause = 5 * time.Second
	}
	if o.RetryTimeout == 0 {
		o.RetryTimeout = 5 * time.Second
	}
	return o
}

// Store is an S3. Its methods may be called concurrently. It has nothing to close.
type Store struct {
	location location
	opts     Options
	client   *s3.Client
	links    *s3.PresignClient
	log      *slog.Logger
	regions  sync.Map // bucket -> region, of buckets found to be elsewhere
}

// Open returns the S3 that the URL names, once its bucket has been found to be there, or
// has been made, and to take and give up an object.
//
//	s3://BUCKET?endpoint=URL&region=R&path-style=true&prefix=P&public-endpoint=URL
//
// BUCKET is the work bucket. Everything after it may be left out: endpoint, for AWS;
// region, for that of the environment, or us-east-1; path-style, which is true where
// there is an endpoint; prefix, under which all work objects lie; public-endpoint, the
// endpoint by which callers reach the same S3, if it is not the one by which we do.
//
// A URL that does not fit is fault.Invalid. Every error is a sentence for an operator.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	s, err := connect(url, o)
	if err != nil {
		return nil, err
	}
	if err := s.prove(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// connect returns the S3 that the URL names, before anything is asked of it.
func connect(url string, o Options) (*Store, error) {
	o = o.withDefaults()
	p, err := parse(url, o.Getenv)
	if err != nil {
		return nil, err
	}
	if o.Credentials == nil {
		o.Credentials = aws.NewCredentialsCache(&finder{getenv: o.Getenv})
	}
	s := &Store{location: p, opts: o, log: o.Logger}
	s.client = s3.New(s.settings(p.endpoint))
	public := s.client
	if p.public != "" {
		public = s3.New(s.settings(p.public))
	}
	s.links = s3.NewPresignClient(public)
	return s, nil
}

// Bucket returns the name of the work bucket.
func (s *Store) Bucket() string { return s.location.bucket }

// settings are those of a client for endpoint, or for AWS.
func (s *Store) settings(endpoint string) s3.Options {
	o := s3.Options{
		Region:       s.location.region,
		Credentials:  s.opts.Credentials,
		UsePathStyle: s.location.pathStyle,
		HTTPClient:   s.opts.HTTPClient,
		AppID:        "sluice",
		Retryer: retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts = 4
			r.MaxBackoff = s.opts.Pause
			r.RateLimiter = ratelimit.None // a quota over all jobs would fail the patient ones too
		}),
		// Checksums beyond the signed hash of the body would become part of links, and
		// not every S3 knows them.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	if endpoint != "" {
		o.BaseEndpoint = aws.String(endpoint)
	}
	return o
}

// newHTTPClient returns a client without a limit on how long a transfer takes, but on
// how long the other side may take to answer.
func newHTTPClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{
		Timeout: 5 * time.Second,
		// Without them a request on a connection that was cut in silence waits for minutes.
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 3 * time.Second, Count: 3},
		Control:         limitUnacknowledged,
	}).DialContext
	t.MaxIdleConnsPerHost = 64
	t.ReadBufferSize = 64 << 10
	t.ResponseHeaderTimeout = 2 * time.Minute // to complete a large upload takes its time
	t.DisableCompression = true               // offsets are those of the bytes that lie there
	return &http.Client{
		Transport: t,
		// A redirection is S3's way to say that a bucket is elsewhere. To follow it
		// with a signature that was made for here leads nowhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
