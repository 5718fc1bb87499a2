package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"

	"github.com/sluicehq/sluice/internal/gateway"
	"github.com/sluicehq/sluice/internal/gateway/s3"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/object/s3object"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/sigv4"
)

// files is where files lie, and how callers get at them.
type files struct {
	objects object.Store
	links   service.Links
	bucket  string       // for uploads and reports; the services' own choice if empty
	s3      http.Handler // answers S3's requests on our own port
	close   func() error // nil if there is nothing to close
}

// openFiles opens what the settings name: the disk, with an S3 endpoint of our own in
// front of it, or an S3 elsewhere, to which callers go themselves.
func openFiles(ctx context.Context, c config, getenv func(string) string, root sigv4.Credentials, v *sigv4.Verifier, log *slog.Logger) (files, error) {
	if c.objects == disk {
		d, err := diskobject.Open(filepath.Join(c.data, "objects"), diskobject.Options{Logger: log})
		if err != nil {
			return files{}, inUse(c.data, err)
		}
		if c.store != pebble {
			log.Warn("files lie on this node's disk: another node cannot read them; see --objects")
		}
		return files{
			objects: d,
			links:   links{s3.NewPresigner(root), d},
			s3:      s3.New(d, v, s3.Options{Logger: log, Observe: gateway.Observe}),
			close:   d.Close,
		}, nil
	}
	var f files
	err := patiently(ctx, log, "objects", func() error {
		o, err := s3object.Open(ctx, c.objects, s3object.Options{Getenv: getenv, Logger: log})
		if err != nil {
			return fmt.Errorf("objects: %w", err)
		}
		f = files{objects: o, links: o, bucket: o.Bucket(), s3: elsewhere{}}
		return nil
	})
	return f, err
}

// elsewhere answers S3 requests that should have gone to the S3 where the files lie.
type elsewhere struct{}

func (elsewhere) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusNotImplemented)
	_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+
		`<Error><Code>NotImplemented</Code><Message>Files lie in another S3; send S3 requests there (AWS_ENDPOINT_URL_S3).</Message></Error>`)
}
