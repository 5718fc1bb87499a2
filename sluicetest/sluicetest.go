// Package sluicetest runs Sluice inside Go tests: a server of the APIs that it speaks
// (SES v2, SES Mail Manager, Amazon Q in Connect and Connect Wisdom) and of the S3 that
// carries the files. It is the server that the sluice command runs, only that it keeps
// everything in memory.
//
//	func TestImport(t *testing.T) {
//		srv := sluicetest.Start(t)
//		ses := sesv2.NewFromConfig(aws.Config{
//			BaseEndpoint: &srv.URL,
//			Region:       srv.Region,
//			Credentials:  credentials.NewStaticCredentialsProvider(srv.AccessKeyID, srv.SecretAccessKey, ""),
//		})
//		…
//	}
//
// A server starts within milliseconds, on a port of its own on the loopback interface,
// and ends with its test. Servers share nothing, so each test can have one, and tests
// may run in parallel. An S3 client needs path-style addresses, which every SDK can be
// told to use.
//
// # What it links
//
// The package links the server with its embedded stores, which are Pebble databases in
// memory: 37 modules, 30 of them Pebble and what Pebble needs, among it the Prometheus
// client. It links neither a PostgreSQL driver nor a client library of AWS: bring the
// clients that your program uses. With cgo, Pebble compiles the C library zstd, which
// takes longer than all the rest; CGO_ENABLED=0 or -tags pebblegozstd does without it.
//
// # Stability
//
// Before version 1 an exported name may change with any release; CHANGELOG.md says so.
// From version 1 on, code that uses this package keeps compiling with every version 1:
// fields, options and functions are added only. What the server answers follows AWS and
// is corrected in any release, and texts of errors and of the log are not promised.
package sluicetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/node"
	"github.com/sluicehq/sluice/internal/sigv4"
)

// Server is a running server.
type Server struct {
	URL             string // the endpoint of every API, http://127.0.0.1:PORT
	AccessKeyID     string
	SecretAccessKey string
	Account         string // twelve digits, as they are in ARNs
	Region          string // one to sign for; any other will do, and holds other things

	close func() error
}

// What a server says of itself. Its key is another for each, so that a client of one
// never gets into another.
const (
	account = "000000000000"
	region  = "us-east-1"
)

// Option changes how a server is started.
type Option func(*options)

type options struct {
	limits limits.Profile
	log    io.Writer
}

// AWSLimits makes the server refuse what is beyond the limits that AWS publishes:
// numbers of lists, members, records and jobs, and calls a second. Without it there are
// no such limits.
func AWSLimits(o *options) { o.limits = limits.AWS }

// Log makes the server write its log, with a line for each request, to w, which for a
// test is its Output.
func Log(w io.Writer) Option { return func(o *options) { o.log = w } }

// Start starts a server that ends with the test. The test fails if the server does not
// start, or does not end well.
func Start(t testing.TB, opts ...Option) *Server {
	t.Helper()
	s, err := NewServer(opts...)
	if err != nil {
		t.Fatalf("start Sluice: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close Sluice: %v", err)
		}
	})
	return s
}

// NewServer starts a server for those who have no test at hand, as in TestMain or an
// example. The caller closes it.
func NewServer(opts ...Option) (*Server, error) {
	o := options{log: io.Discard}
	for _, set := range opts {
		set(&o)
	}
	s := &Server{
		AccessKeyID: "SLUICE" + rand.Text()[:14], SecretAccessKey: rand.Text() + rand.Text()[:14],
		Account: account, Region: region,
	}
	n, err := node.Open(context.Background(), node.Options{
		Memory: true, Limits: o.limits, Grace: grace, Version: "sluicetest",
		Logger: slog.New(slog.NewTextHandler(o.log, nil)),
		Key: func() (sigv4.Credentials, error) {
			return sigv4.Credentials{AccessKey: s.AccessKeyID, Secret: s.SecretAccessKey, Account: account}, nil
		},
	})
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen: %w", err), n.Close())
	}
	s.URL = "http://" + l.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx, l) }()
	s.close = sync.OnceValue(func() error {
		stop()
		return errors.Join(<-ended, n.Close())
	})
	return s, nil
}

// grace is how long a closed server waits for requests that run. The test that closes it
// needs none of them any more.
const grace = 100 * time.Millisecond

// Close ends the server, and with it all that it held. What still runs is cut off. To
// close again does nothing; who used Start need not close at all.
func (s *Server) Close() error { return s.close() }
