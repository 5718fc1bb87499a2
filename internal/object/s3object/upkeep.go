package s3object

import (
	"cmp"
	"context"
	"iter"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
)

// Holders implements object.Upkeep. The bucket keeps versions by its own rules, and Hold
// takes note of nothing.
func (s *Store) Holders(context.Context) iter.Seq2[object.Holder, error] {
	return func(func(object.Holder, error) bool) {}
}

// Objects implements object.Upkeep, for the work bucket.
func (s *Store) Objects(ctx context.Context, bucket string) iter.Seq2[object.Info, error] {
	return func(yield func(object.Info, error) bool) {
		if bucket != s.location.bucket {
			yield(object.Info{}, fault.New(fault.Denied, "the bucket %s is only read from", bucket))
			return
		}
		in := &s3.ListObjectsV2Input{Bucket: &s.location.bucket, Prefix: &s.location.prefix}
		pages := s3.NewListObjectsV2Paginator(s.client, in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(object.Info{}, s.toFault("list", s.whole(), err))
				return
			}
			for _, o := range page.Contents {
				name, ok := s.nameOf(aws.ToString(o.Key))
				if !ok {
					continue
				}
				i := object.Info{Name: name, Size: aws.ToInt64(o.Size), ETag: versionOf(o.ETag, nil).etag, Modified: aws.ToTime(o.LastModified)}
				if !yield(i, nil) {
					return
				}
			}
		}
	}
}

// whole is the work bucket, for errors.
func (s *Store) whole() at {
	return at{name: object.Name{Bucket: s.location.bucket, Key: s.location.prefix}, bucket: s.location.bucket, key: s.location.prefix, work: true}
}

// nameOf is the way back from find: the name of the object at a key of the work bucket.
func (s *Store) nameOf(key string) (object.Name, bool) {
	rest, below := strings.CutPrefix(key, s.location.prefix)
	account, name, ok := strings.Cut(rest, "/")
	return object.Name{Account: account, Bucket: s.location.bucket, Key: name}, below && ok && account != "" && name != ""
}

// DeleteIfUnchanged implements object.Upkeep. Not every S3 deletes on a condition: what is
// put between the question and the deletion is lost, unless the bucket keeps versions.
func (s *Store) DeleteIfUnchanged(ctx context.Context, i object.Info) (bool, error) {
	now, err := s.Stat(ctx, i.Name)
	switch {
	case fault.Is(err, fault.NotFound):
		return false, nil
	case err != nil:
		return false, err
	case now.ETag != i.ETag, now.Size != i.Size, !now.Modified.Truncate(time.Second).Equal(i.Modified.Truncate(time.Second)),
		i.Version != "" && now.Version != i.Version:
		return false, nil
	}
	err = s.Delete(ctx, i.Name)
	return err == nil, err
}

// AbortUploads implements object.Upkeep, for the work bucket. S3 does not list the sizes of
// uploads.
func (s *Store) AbortUploads(ctx context.Context, before time.Time, limit int) (ended int, _ int64, err error) {
	var refused error
	in := &s3.ListMultipartUploadsInput{Bucket: &s.location.bucket, Prefix: &s.location.prefix}
	pages := s3.NewListMultipartUploadsPaginator(s.client, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return ended, 0, s.toFault("list uploads of", s.whole(), err)
		}
		for _, u := range page.Uploads {
			if _, ok := s.nameOf(aws.ToString(u.Key)); !ok || u.Initiated == nil || !u.Initiated.Before(before) {
				continue
			}
			if ended == limit {
				return ended, 0, refused
			}
			_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
				Bucket: &s.location.bucket, Key: u.Key, UploadId: u.UploadId,
			})
			switch {
			case err == nil:
				ended++
			case code(err) == "NoSuchUpload": // it was completed or aborted meanwhile
			case status(err)/100 == 4: // the next one may do
				refused = cmp.Or(refused, s.toFault("abort an upload of", s.whole(), err))
			default:
				return ended, 0, s.toFault("abort an upload of", s.whole(), err)
			}
		}
	}
	return ended, 0, refused
}
