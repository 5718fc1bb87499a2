package node

import (
	"context"
	"errors"
	"net/http"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/gateway/s3"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/diskobject"
)

// links presigns links into the embedded S3, and makes sure that a link to put
// something leads to a bucket: S3 refuses a PUT without one, and the bucket for uploads
// cannot be created by callers, and any caller can delete it.
type links struct {
	signer  *s3.Presigner
	objects *diskobject.Store
}

func (l links) Presign(ctx context.Context, k object.Link) (string, error) {
	if k.Method == http.MethodPut {
		if err := l.makeBucket(ctx, k.Name, k.Region); err != nil {
			return "", err
		}
	}
	return l.signer.Presign(ctx, k)
}

func (l links) makeBucket(ctx context.Context, n object.Name, region string) error {
	_, err := l.objects.Bucket(ctx, n.Account, n.Bucket)
	if !errors.Is(err, diskobject.ErrNoBucket) {
		return err
	}
	err = l.objects.CreateBucket(ctx, n.Account, n.Bucket, region)
	if fault.Is(err, fault.AlreadyExists) { // since a moment
		return nil
	}
	return err
}
