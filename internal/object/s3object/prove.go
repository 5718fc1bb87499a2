package s3object

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// trial is the key, after the prefix, at which writing is tried. It is no account's.
const trial = "sluice-was-here"

// prove finds or makes the work bucket, and puts and deletes an empty object in it, so
// that what is wrong with the settings shows at the start and not in somebody's job.
func (s *Store) prove(ctx context.Context) error {
	bucket := &s.location.bucket
	_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: bucket})
	if status(err) == http.StatusNotFound {
		if err := s.makeBucket(ctx); err != nil {
			return s.wrong("does not exist, and cannot be made", err)
		}
	} else if err != nil {
		return s.wrong("cannot be looked at (s3:ListBucket)", s.withCode(ctx, err))
	}
	key := aws.String(s.location.prefix + trial)
	out, err := s.client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("")})
	if err == nil && aws.ToString(out.ETag) == "" {
		err = errNoS3
	}
	if err != nil {
		return s.wrong("cannot be written to (s3:PutObject)", err)
	}
	_, err = s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key})
	// Not every S3 deletes what is not there: a node that starts at the same time has done so.
	if err != nil && code(err) != "NoSuchKey" {
		return s.wrong("cannot be deleted from (s3:DeleteObject)", err)
	}
	return nil
}

// Ping reports whether the work bucket can be reached with the server's credentials. It
// writes nothing: a write for each probe costs money, and leaves versions behind.
func (s *Store) Ping(ctx context.Context) error {
	if _, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.location.bucket}); err != nil {
		return s.wrong("cannot be looked at (s3:ListBucket)", s.withCode(ctx, err))
	}
	return nil
}

// withCode returns err with the code that an answer to HEAD cannot hold, having no body.
// The client must not try again: it would correct its clock, and hide that it is wrong.
func (s *Store) withCode(ctx context.Context, err error) error {
	if st := status(err); st < 400 || st >= 500 {
		return err
	}
	_, again := s.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &s.location.bucket, MaxKeys: aws.Int32(1)},
		func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
	if again != nil && status(again) != 0 {
		return again
	}
	return err
}

// makeBucket makes the work bucket. Another node may do so at the same time.
func (s *Store) makeBucket(ctx context.Context) error {
	in := &s3.CreateBucketInput{Bucket: &s.location.bucket}
	if s.location.region != "us-east-1" { // which has no name here
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(s.location.region),
		}
	}
	_, err := s.client.CreateBucket(ctx, in)
	if slices.Contains([]string{"BucketAlreadyOwnedByYou", "OperationAborted"}, code(err)) {
		return nil
	}
	return err
}
