package node

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"

	"github.com/sluicehq/sluice/internal/gateway"
	"github.com/sluicehq/sluice/internal/gateway/s3"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

// objects is where files lie, and how callers get at them.
type objects struct {
	object.Store
	links  service.Links
	bucket string                // for uploads and reports; the services' own choice if empty
	s3     gateway.SignedHandler // answers S3's requests on our own port
	ping   func(context.Context) error
	bytes  func(context.Context) (int64, error) // what they take of this node's disk; nil if they are elsewhere
}

// openObjects opens what the options name: an S3 of our own, or one elsewhere, to which
// callers go themselves.
func (n *Node) openObjects(ctx context.Context, key sigv4.Credentials, v *sigv4.Verifier) error {
	embedded, _ := n.store.(*pebblestore.Store)
	if n.o.Objects == nil {
		var create func() error
		var bind func(*diskobject.Store) error
		if embedded != nil {
			create = func() error { return n.binder.createIndex(embedded) }
			bind = func(d *diskobject.Store) error { return n.binder.bind(embedded, d) }
		}
		d, err := diskobject.Open(filepath.Join(n.o.Dir, "objects"), diskobject.Options{
			FS: n.fs, Logger: n.o.Logger, Registry: n.registry, Guard: n.guard, Space: n.space, Exit: n.o.Exit, AcceptLoss: n.o.AcceptLoss,
			Create: create, Bind: bind,
		})
		if err != nil {
			return inUse(n.o.Dir, err)
		}
		n.closers = append(n.closers, d.Close)
		n.objects = objects{
			Store: d,
			links: links{s3.NewPresigner(key), d},
			s3: s3.New(d, v, s3.Options{
				Logger: n.o.Logger, Observe: gateway.Observe, Space: n.space,
				MaxLinked: n.o.MaxUpload, UploadsPerAccount: n.o.MaxUploads, UploadsPerLink: n.o.MaxUploadsPerLink,
			}).ServeSigned,
			ping:  d.Ping,
			bytes: d.Bytes,
		}
		return nil
	}
	err := n.patiently(ctx, "objects", func() error {
		o, err := n.o.Objects(ctx, n.o.Logger, n.guard)
		if err != nil {
			return fmt.Errorf("objects: %w", err)
		}
		n.objects = objects{Store: o, links: o, bucket: o.Bucket(), s3: elsewhere, ping: o.Ping}
		return nil
	})
	if err != nil || embedded == nil {
		return err
	}
	return noteObjectsMoved(embedded) // not before the S3 is known to be there: a wrong URL must not take files out of backups
}

// elsewhere answers S3 requests that should have gone to the S3 where the files lie.
func elsewhere(w http.ResponseWriter, _ *http.Request, _ *sigv4.Signature) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusNotImplemented)
	_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+
		`<Error><Code>NotImplemented</Code><Message>Files lie in another S3; send S3 requests there (AWS_ENDPOINT_URL_S3).</Message></Error>`)
}
