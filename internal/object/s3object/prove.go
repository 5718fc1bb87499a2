package s3object

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/sluicehq/sluice/internal/fault"
)

// trial is the key, after the prefix, at which writing is tried. It is no account's.
const trial = "sluice-was-here"

// prove finds or makes the work bucket, and puts and deletes an empty object in it, so
// that what is wrong with the settings shows at the start and not in somebody's job.
func (s *Store) prove(ctx context.Context) error {
	bucket := &s.place.bucket
	_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: bucket})
	if status(err) == http.StatusNotFound {
		if err := s.makeBucket(ctx); err != nil {
			return s.wrong("does not exist, and cannot be made", err)
		}
	} else if err != nil {
		return s.wrong("cannot be looked at (s3:ListBucket)", err)
	}
	key := aws.String(s.place.prefix + trial)
	if _, err := s.client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("")}); err != nil {
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
	if _, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.place.bucket}); err != nil {
		return s.wrong("cannot be looked at (s3:ListBucket)", err)
	}
	return nil
}

// makeBucket makes the work bucket. Another node may do so at the same time.
func (s *Store) makeBucket(ctx context.Context) error {
	in := &s3.CreateBucketInput{Bucket: &s.place.bucket}
	if s.place.region != "us-east-1" { // which has no name here
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(s.place.region),
		}
	}
	_, err := s.client.CreateBucket(ctx, in)
	if slices.Contains([]string{"BucketAlreadyOwnedByYou", "OperationAborted"}, code(err)) {
		return nil
	}
	return err
}

// wrong returns the sentence for an operator that says what is the matter with the work
// bucket. It goes to whoever starts the server, so it may hold S3's own words.
func (s *Store) wrong(what string, err error) error {
	kind, why := fault.Unavailable, err.Error()
	var refused *fault.Error
	switch region := elsewhere(err); {
	case errors.As(err, &refused): // no credentials
		return err
	case region != "" && region != s.place.region:
		kind, why = fault.Invalid, "it is in the region "+region+", so say region="+region
	case status(err) == http.StatusForbidden:
		kind, why = fault.Denied, "the credentials do not allow it"
		if c := code(err); c != "" && c != "Forbidden" {
			why += " (" + c + ")"
		}
	case status(err) == http.StatusMovedPermanently:
		kind, why = fault.Invalid, "it is in another region than "+s.place.region
	}
	where := s.place.endpoint
	if where == "" {
		where = "AWS"
	}
	return fault.New(kind, "the bucket %s at %s %s: %s", s.place.bucket, where, what, why)
}
