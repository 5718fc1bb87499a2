package s3

import (
	"encoding/xml"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/object/diskobject"
)

const (
	// timestamp is S3's form of a time in XML.
	timestamp = "2006-01-02T15:04:05.000Z"
)

type owner struct {
	ID          string
	DisplayName string
}

type bucketEntry struct {
	Name         string
	CreationDate string
	BucketRegion string
}

type listBucketsResult struct {
	XMLName xml.Name      `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
	Buckets []bucketEntry `xml:"Buckets>Bucket"`
	Owner   owner
	Prefix  string `xml:",omitempty"`
}

func (c *call) listBuckets() error {
	all, err := c.store.Buckets(c.r.Context(), c.who.Account)
	if err != nil {
		return err
	}
	out := listBucketsResult{Owner: c.owner(), Prefix: c.q.Get("prefix")}
	for _, b := range all {
		if strings.HasPrefix(b.Name, out.Prefix) {
			out.Buckets = append(out.Buckets, bucketEntry{b.Name, b.Created.Format(timestamp), c.region(b)})
		}
	}
	c.writeXML(http.StatusOK, out)
	return nil
}

func (c *call) owner() owner { return owner{c.who.Account, c.who.Account} }

// region is where a bucket is: where its maker signed for. One that a job made is
// wherever it is asked for.
func (c *call) region(b diskobject.Bucket) string {
	if b.Region == "" {
		return c.who.Region
	}
	return b.Region
}

type createBucketConfiguration struct {
	LocationConstraint string
}

func (c *call) createBucket() error {
	if !validBucket(c.bucket) {
		return failure{"InvalidBucketName", http.StatusBadRequest, "The specified bucket is not valid."}
	}
	in := createBucketConfiguration{}
	if err := c.document(&in); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if in.LocationConstraint == "" {
		in.LocationConstraint = c.who.Region
	}
	if err := c.store.CreateBucket(c.r.Context(), c.who.Account, c.bucket, in.LocationConstraint); err != nil {
		return err
	}
	c.w.Header().Set("Location", "/"+c.bucket)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

var bucketPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// validBucket tells whether S3 takes the name for a new bucket.
//
// Source: Amazon S3 User Guide, "General purpose bucket naming rules".
func validBucket(name string) bool {
	return bucketPattern.MatchString(name) && !strings.Contains(name, "..") && net.ParseIP(name) == nil
}

func (c *call) headBucket() error {
	b, err := c.store.Bucket(c.r.Context(), c.who.Account, c.bucket)
	if err != nil {
		return err
	}
	c.w.Header().Set("X-Amz-Bucket-Region", c.region(b))
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (c *call) deleteBucket() error {
	if err := c.store.DeleteBucket(c.r.Context(), c.who.Account, c.bucket); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

type locationConstraint struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
	Region  string   `xml:",chardata"`
}

func (c *call) getBucketLocation() error {
	b, err := c.store.Bucket(c.r.Context(), c.who.Account, c.bucket)
	if err != nil {
		return err
	}
	out := locationConstraint{Region: c.region(b)}
	if out.Region == "us-east-1" { // which has no name here, for historical reasons
		out.Region = ""
	}
	c.writeXML(http.StatusOK, out)
	return nil
}

// httpTime is the form of a time in a header.
func httpTime(t time.Time) string { return t.UTC().Format(http.TimeFormat) }
