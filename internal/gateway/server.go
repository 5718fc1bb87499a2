package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bounds of a connection. There is none for a whole request or reply: an upload of
// ten gigabytes takes as long as it takes, and Options.Stall ends one that stands.
const (
	headerTime  = 10 * time.Second // from a request's first byte to the end of its header
	idleTime    = 2 * time.Minute  // SDKs keep connections for a minute or more
	headerBytes = 64 << 10         // far above a header with S3 metadata and a session's cookies
	afterCut    = 5 * time.Second  // for handlers to notice that their connection is gone
)

// Server serves one handler on one listener until it is told to stop.
type Server struct {
	Handler  http.Handler
	Listener net.Listener
	TLS      *Certificate  // nil serves plain HTTP
	Grace    time.Duration // how long running requests may take to end; 0 is 30 seconds
	Log      *slog.Logger  // nil logs nothing
	// MaxConnections is how many may be open at once; 0 is no limit. Beyond it those
	// without a request give way.
	MaxConnections int
}

// Run serves until ctx is done, then takes no more connections, lets running
// requests end for as long as Grace allows, and returns when all is quiet. It
// returns nil after that, also when requests had to be cut off, and an error when it
// could not go on serving. It closes the listener.
func (s *Server) Run(ctx context.Context) error {
	log, grace := s.Log, s.Grace
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if grace == 0 {
		grace = 30 * time.Second
	}
	var running sync.WaitGroup
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			running.Add(1)
			defer running.Done()
			s.Handler.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    headerBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // of clients' broken connections
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
		Protocols:         new(http.Protocols),
	}
	if s.MaxConnections > 0 {
		srv.ConnState = newConnections(s.MaxConnections, log).state
	}
	// One request per connection at a time, as at AWS's own endpoints: deadlines and
	// the end of a connection then mean the same with and without TLS.
	srv.Protocols.SetHTTP1(true)

	l := s.Listener
	if s.TLS != nil {
		l = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.TLS.get, NextProtos: []string{"http/1.1"}})
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()

	var err error
	select {
	case err = <-ended:
		return fmt.Errorf("serve %s: %w", s.Listener.Addr(), err)
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err = srv.Shutdown(limit); err != nil {
		log.Warn("requests cut off", slog.Float64("grace_seconds", grace.Seconds()))
		err = srv.Close()
		wait(&running, afterCut)
	}
	if serveErr := <-ended; !errors.Is(serveErr, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", s.Listener.Addr(), serveErr)
	}
	if err != nil {
		return fmt.Errorf("close connections: %w", err)
	}
	return nil
}

// wait waits until the group is done, but not for ever.
func wait(group *sync.WaitGroup, most time.Duration) {
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(most):
	}
}
