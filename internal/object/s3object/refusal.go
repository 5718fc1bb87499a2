package s3object

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/sluicehq/sluice/internal/fault"
)

// refusal is what S3's refusal to open the work bucket means to an operator.
type refusal struct {
	kind fault.Kind // Denied or Invalid: waiting is of no use
	why  string
}

// refusals by S3's codes.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
var refusals = map[string]refusal{
	"SignatureDoesNotMatch": {fault.Denied, "the secret is not the one of the access key (AWS_SECRET_ACCESS_KEY)"},
	"InvalidAccessKeyId":    {fault.Denied, "the access key is unknown there (AWS_ACCESS_KEY_ID)"},
	"ExpiredToken":          {fault.Denied, "the session token has expired (AWS_SESSION_TOKEN)"},
	"TokenRefreshRequired":  {fault.Denied, "the session token has expired (AWS_SESSION_TOKEN)"},
	"InvalidToken":          {fault.Denied, "the session token is not valid (AWS_SESSION_TOKEN)"},
	"RequestTimeTooSkewed":  {fault.Denied, "the clocks of this machine and of the S3 differ by too much"},
	"UserSuspended":         {fault.Denied, "the user of the access key is suspended"},             // Ceph
	"XAdminUserNotFound":    {fault.Denied, "the access key is unknown there (AWS_ACCESS_KEY_ID)"}, // versitygw
	"AccountProblem":        {fault.Denied, "the account of the access key is suspended"},
	"NotSignedUp":           {fault.Denied, "the account of the access key is not signed up for S3"},

	"AccessDenied":        {fault.Denied, "the credentials do not allow it, or the bucket is another account's (AccessDenied)"},
	"AllAccessDisabled":   {fault.Denied, "all access to the bucket is disabled"},
	"BucketAlreadyExists": {fault.Denied, "the name is taken by another account's bucket"},
	"TooManyBuckets":      {fault.Denied, "the account may not have more buckets"},

	"InvalidBucketName":                  {fault.Invalid, "the S3 does not take this name for a bucket"},
	"InvalidLocationConstraint":          {fault.Invalid, "the S3 does not know the region {region}: set region in the URL"},
	"IllegalLocationConstraintException": {fault.Invalid, "the S3 does not make buckets of the region {region}: set region in the URL"},
	"InvalidRegionName":                  {fault.Invalid, "the S3 does not know the region {region}: set region in the URL"},
	"AuthorizationHeaderMalformed":       {fault.Invalid, "the S3 does not take the region {region}: set region in the URL"},
}

// errNoS3 is what a server comes to that accepts an object without saying what it has stored.
var errNoS3 = errors.New("the endpoint answers, but not as an S3 does: it may be another server")

// mostSkew is by how much clocks may differ.
// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html#RESTAuthenticationTimeStamp
const mostSkew = 15 * time.Minute

// wrong returns the sentence for an operator that says what is the matter with the work
// bucket. It goes to the operator who starts the server, so it may hold S3's own words.
func (s *Store) wrong(what string, err error) error {
	var credentials *fault.Error
	if errors.As(err, &credentials) {
		return credentials
	}
	where := s.location.endpoint
	if where == "" {
		where = "AWS"
	}
	r := s.refusalOf(err)
	return fault.New(r.kind, "the bucket %s at %s %s: %s", s.location.bucket, where, what, r.why)
}

// refusalOf returns what err means; fault.Unavailable if waiting may be of use.
func (s *Store) refusalOf(err error) refusal {
	var certificate *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	if region := elsewhere(err); region != "" && region != s.location.region {
		return refusal{fault.Invalid, "it is in the region " + region + ", so say region=" + region}
	}
	if d := skew(err); status(err) == http.StatusForbidden && d.Abs() > mostSkew {
		return refusal{fault.Denied, fmt.Sprintf("the clocks of this machine and of the S3 differ by %s", d.Abs().Round(time.Second))}
	}
	if r, ok := refusals[code(err)]; ok {
		r.why = strings.ReplaceAll(r.why, "{region}", s.location.region)
		return r
	}
	switch st := status(err); {
	case errors.As(err, &certificate):
		return refusal{fault.Invalid, "the certificate of the endpoint is not accepted: " + certificate.Err.Error()}
	case errors.Is(err, errNoS3):
		return refusal{fault.Invalid, errNoS3.Error()}
	case isNoHTTP(err):
		return refusal{fault.Invalid, "the endpoint does not speak HTTP: it may not be an S3"}
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &noTLS):
		return refusal{fault.Invalid, "the endpoint does not speak TLS: its URL must begin with http://"}
	case st == http.StatusMovedPermanently:
		return refusal{fault.Invalid, "it is in another region than " + s.location.region}
	case st == http.StatusForbidden:
		return refusal{fault.Denied, "the credentials do not allow it" + inBrackets(code(err))}
	case st >= 300 && st < 400:
		return refusal{fault.Invalid, fmt.Sprintf("the endpoint redirects it with %d%s: it may not be an S3, or expect https://", st, inBrackets(code(err)))}
	case st >= 400 && st < 500 && !passing(err):
		return refusal{fault.Invalid, fmt.Sprintf("the endpoint refuses it with %d%s: it may not be an S3, or expect https://", st, inBrackets(code(err)))}
	}
	return refusal{fault.Unavailable, err.Error()}
}

func inBrackets(code string) string {
	if code == "" || code == "Forbidden" { // which is the SDK's word for an answer without a code
		return ""
	}
	return " (" + code + ")"
}

// skew returns by how much the clock of the server that answered is ahead of ours.
func skew(err error) time.Duration {
	var answer *awshttp.ResponseError
	if !errors.As(err, &answer) || answer.Response == nil {
		return 0
	}
	date, err := http.ParseTime(answer.Response.Header.Get("Date"))
	if err != nil {
		return 0
	}
	return time.Until(date)
}

// isNoHTTP reports whether a server answered with something else than HTTP, or before it was
// asked. Package net/http has no types for the two.
func isNoHTTP(err error) bool {
	text := err.Error()
	return strings.Contains(text, "malformed HTTP") || strings.Contains(text, "readLoopPeekFailLocked: %!w(<nil>)")
}
