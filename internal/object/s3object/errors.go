package s3object

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
)

// status returns the HTTP status of an answer that was an error, 0 if there was none.
func status(err error) int {
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) && answer.Response != nil {
		return answer.HTTPStatusCode()
	}
	return 0
}

// code returns S3's name for an error, empty if it gave none.
func code(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}

// serverCodes are the refusals that the settings of this server are to blame for, not the
// bucket that was asked. They pass once an operator, or whatever renews credentials,
// has done their work.
var serverCodes = []string{
	"AccountProblem", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "NotSignedUp", "RequestTimeTooSkewed",
	"SignatureDoesNotMatch", "TokenRefreshRequired", "UserSuspended",
}

// passing reports whether the same request may succeed later.
func passing(err error) bool {
	switch s := status(err); {
	case s == 0, // no answer at all
		s >= 500 && s != http.StatusNotImplemented, s == http.StatusTooManyRequests, s == http.StatusRequestTimeout:
		return true
	}
	return code(err) == "RequestTimeout" || slices.Contains(serverCodes, code(err))
}

// isFull reports whether the S3 has no space for what was to be written: the quota of a user
// or bucket of Ceph is used up, or a disk of other servers.
func isFull(err error) bool {
	return status(err) == http.StatusInsufficientStorage || code(err) == "QuotaExceeded"
}

// errVersionGone is the error of reading a version that is no longer there.
func errVersionGone(n object.Name) error {
	return fault.New(fault.Broken, "the object %s has changed since it was started from", n.URL())
}

// minRate is how many bytes a second a request with a body brings to S3 at least.
const minRate = 64 << 10

// limited limits a request, with its repetitions, to the time after which a reading gives up
// too, and that which its body takes. Without it an S3 that takes connections and says nothing
// would be waited for for minutes, while the lease of a job is renewed.
func (s *Store) limited(ctx context.Context, body int) (context.Context, context.CancelFunc) {
	d := s.opts.IdleTimeout + s.opts.RetryTimeout + time.Duration(body)*time.Second/minRate
	return context.WithTimeoutCause(ctx, d, errSilent)
}

// toFault returns what err, met while doing something with what is at a, means to those
// who asked. The whole of it is for the log.
func (s *Store) toFault(doing string, a at, err error) error {
	var meaning error
	switch st := status(err); {
	case errors.Is(err, context.Canceled), fault.Is(err, fault.Broken), code(err) == "NoSuchUpload":
		return fmt.Errorf("%s %s: %w", doing, a.name.Redacted(), err)
	case code(err) == "NoSuchBucket":
		meaning = fault.New(fault.NotFound, "there is no bucket %s", a.name.Bucket)
	case st == http.StatusNotFound:
		meaning = fault.New(fault.NotFound, "there is no object %s", a.name.URL())
	case st == http.StatusPreconditionFailed:
		meaning = errVersionGone(a.name)
	case code(err) == "InvalidObjectState":
		meaning = fault.New(fault.Broken, "the object %s is archived: restore it first", a.name.URL())
	case isFull(err):
		meaning = fault.New(fault.StorageFull, "the object storage is out of space")
	case passing(err), fault.Is(err, fault.Invalid), // there are no credentials now
		a.work && st == http.StatusForbidden:
		meaning = fault.New(fault.Unavailable, "the storage of objects does not answer as it should")
	case st == http.StatusForbidden:
		meaning = fault.New(fault.Denied, "the server has no permission to %s %s", doing, a.name.URL())
	case elsewhere(err) != "":
		meaning = fault.New(fault.Denied, "the bucket %s is in the region %s, which the server does not reach", a.name.Bucket, elsewhere(err))
	case st >= 400 && st < 500:
		meaning = fault.New(fault.Broken, "the object storage refused to %s %s: %s", doing, a.name.URL(), refusalText(err))
	default:
		return fmt.Errorf("%s %s: %w", doing, a.name.Redacted(), err)
	}
	return fmt.Errorf("%s %s: %w: %w", doing, a.name.Redacted(), meaning, err)
}

// refusalText names a refusal that no try can change. S3 gives no reason where a reply has no
// body, and the most frequent one for a 400 then is a key of the caller's own.
func refusalText(err error) string {
	name := code(err)
	if name == "" {
		name = http.StatusText(status(err))
	}
	if status(err) == http.StatusBadRequest && (name == "BadRequest" || name == "Bad Request" || name == "InvalidRequest") {
		name += "; it may be encrypted with a key of the caller's own (SSE-C)"
	}
	return fmt.Sprintf("%d %s", status(err), name)
}

// elsewhere returns the region of a bucket that was asked for in another region's S3.
func elsewhere(err error) string {
	var answer *awshttp.ResponseError
	if !errors.As(err, &answer) || answer.Response == nil {
		return ""
	}
	switch answer.HTTPStatusCode() {
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusBadRequest, http.StatusForbidden:
		return answer.Response.Header.Get("X-Amz-Bucket-Region")
	}
	return ""
}

// with calls f with the settings for a bucket; once more if the bucket turns out to be
// in another region.
func (s *Store) with(bucket string, f func(func(*s3.Options)) error) error {
	call := func() (string, error) {
		region := s.location.region
		if known, ok := s.regions.Load(bucket); ok {
			region = known.(string) // nothing else is put there
		}
		return region, f(func(o *s3.Options) { o.Region = region })
	}
	region, err := call()
	if found := elsewhere(err); found != "" && found != region {
		s.regions.Store(bucket, found)
		_, err = call()
	}
	return err
}
