package s3

import (
	"encoding/xml"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
)

// maxBuckets is the largest page of ListBuckets. Without a page size all come in one.
const maxBuckets = 10_000

type bucketEntry struct {
	Name         string
	CreationDate string
	BucketRegion string
}

type listBucketsResult struct {
	XMLName           xml.Name      `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
	Buckets           []bucketEntry `xml:"Buckets>Bucket"`
	Owner             owner
	ContinuationToken string `xml:",omitempty"`
	Prefix            string `xml:",omitempty"`
}

func (c *call) listBuckets() error {
	limit, err := c.number("max-buckets", 0, 1, maxBuckets)
	if err != nil {
		return err
	}
	after, err := c.readToken()
	if err != nil {
		return err
	}
	all, err := c.store.Buckets(c.r.Context(), c.who.Account)
	if err != nil {
		return err
	}
	out := listBucketsResult{Owner: c.owner(), Prefix: c.q.Get("prefix")}
	region := c.q.Get("bucket-region")
	for _, b := range all {
		e := bucketEntry{b.Name, b.Created.Format(timestamp), c.region(b)}
		if e.Name <= after || !strings.HasPrefix(e.Name, out.Prefix) || region != "" && e.BucketRegion != region {
			continue
		}
		if limit > 0 && len(out.Buckets) == limit {
			out.ContinuationToken = pageToken(out.Buckets[limit-1].Name)
			break
		}
		out.Buckets = append(out.Buckets, e)
	}
	c.writeXML(http.StatusOK, out)
	return nil
}

type createBucketConfiguration struct {
	LocationConstraint string
	Location           *struct{} // of a directory bucket, as is Bucket
	Bucket             *struct{}
}

const (
	bucketLock      = "X-Amz-Bucket-Object-Lock-Enabled"
	bucketNamespace = "X-Amz-Bucket-Namespace"
)

func (c *call) createBucket() error {
	if !validBucket(c.bucket) {
		return failure{"InvalidBucketName", http.StatusBadRequest, "The specified bucket is not valid."}
	}
	for name, plain := range map[string]string{bucketLock: "false", bucketNamespace: "global"} {
		if v := c.r.Header.Get(name); v != "" && !strings.EqualFold(v, plain) {
			return notImplemented(name)
		}
	}
	in := createBucketConfiguration{}
	if err := c.document(createBucketDocument, &in); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if in.Location != nil || in.Bucket != nil {
		return failure{"NotImplemented", http.StatusNotImplemented, "Directory buckets are not implemented."}
	}
	region, err := c.location(in.LocationConstraint)
	if err != nil {
		return err
	}
	err = c.store.CreateBucket(c.r.Context(), c.who.Account, c.bucket, region)
	// As at S3, to create a bucket of one's own again is no error in us-east-1.
	if err != nil && (!fault.Is(err, fault.AlreadyExists) || c.who.Region != northVirginia) {
		return err
	}
	c.w.Header().Set("Location", "/"+c.bucket)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// northVirginia is S3's first region. It has no name as a location.
const northVirginia = "us-east-1"

var regionPattern = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)

// location returns the region of a new bucket. As at S3, it is where the request is
// signed for, unless that is us-east-1.
func (c *call) location(constraint string) (string, error) {
	switch {
	case constraint == "":
		return c.who.Region, nil
	case constraint == northVirginia:
	case constraint == c.who.Region:
		return constraint, nil
	case constraint == "EU" && (c.who.Region == northVirginia || c.who.Region == "eu-west-1"):
		return "eu-west-1", nil
	case !regionPattern.MatchString(constraint):
	case c.who.Region == northVirginia:
		return constraint, nil
	default:
		return "", failure{"IllegalLocationConstraintException", http.StatusBadRequest, "The " + constraint +
			" location constraint is incompatible for the region specific endpoint this request was sent to."}
	}
	return "", failure{"InvalidLocationConstraint", http.StatusBadRequest, "The specified location-constraint is not valid"}
}

var bucketPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// What names of buckets cannot begin or end with: S3 gives such names to what is no
// general purpose bucket, or uses them in its documentation.
var (
	reservedPrefixes = []string{"xn--", "sthree-", "amzn-s3-demo-"}
	reservedSuffixes = []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"}
)

// validBucket reports whether S3 accepts the name for a new bucket.
//
// Source: Amazon S3 User Guide, "General purpose bucket naming rules"; that a period is
// not beside a hyphen is a rule of host names, which S3 keeps.
func validBucket(name string) bool {
	for _, pair := range []string{"..", ".-", "-."} {
		if strings.Contains(name, pair) {
			return false
		}
	}
	begins := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	ends := func(suffix string) bool { return strings.HasSuffix(name, suffix) }
	return bucketPattern.MatchString(name) && net.ParseIP(name) == nil &&
		!slices.ContainsFunc(reservedPrefixes, begins) && !slices.ContainsFunc(reservedSuffixes, ends)
}
