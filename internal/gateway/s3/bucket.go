package s3

import (
	"encoding/xml"
	"net/http"
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

func (c *call) owner() owner { return owner{c.who.Account, c.who.Account} }

// region is where a bucket is: where its maker signed for. One that a job made is
// wherever it is asked for.
func (c *call) region(b diskobject.Bucket) string {
	if b.Region == "" {
		return c.who.Region
	}
	return b.Region
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
