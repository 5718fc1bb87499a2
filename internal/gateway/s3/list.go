package s3

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"

	"github.com/sluicehq/sluice/internal/object/diskobject"
)

const maxKeys = 1000 // of a page

type commonPrefix struct{ Prefix string }

type objectEntry struct {
	Key               string
	LastModified      string
	ETag              string
	ChecksumAlgorithm string
	ChecksumType      string
	Size              int64
	StorageClass      string
	Owner             *owner
}

// page is what both versions of listing say.
type page struct {
	Name           string
	Prefix         string
	Delimiter      string `xml:",omitempty"`
	MaxKeys        int
	EncodingType   string `xml:",omitempty"`
	IsTruncated    bool
	Contents       []objectEntry
	CommonPrefixes []commonPrefix
}

type listObjectsResult struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	page
	Marker     string
	NextMarker string `xml:",omitempty"`
}

type listObjectsV2Result struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	page
	KeyCount              int
	StartAfter            string `xml:",omitempty"`
	ContinuationToken     *string
	NextContinuationToken string `xml:",omitempty"`
}

func (c *call) listObjects() error {
	p, next, err := c.page(c.q.Get("marker"), true)
	if err != nil {
		return err
	}
	c.writeXML(http.StatusOK, listObjectsResult{page: p, Marker: c.encode(c.q.Get("marker")), NextMarker: c.encode(next)})
	return nil
}

func (c *call) listObjectsV2() error {
	owned, err := c.flag("fetch-owner")
	if err != nil {
		return err
	}
	after, err := c.readToken()
	if err != nil {
		return err
	}
	if after == "" {
		after = c.q.Get("start-after")
	}
	var token *string // an empty one is repeated too
	if c.q.Has("continuation-token") {
		s := c.q.Get("continuation-token")
		token = &s
	}
	p, next, err := c.page(after, owned)
	if err != nil {
		return err
	}
	c.writeXML(http.StatusOK, listObjectsV2Result{
		page: p, KeyCount: len(p.Contents) + len(p.CommonPrefixes),
		StartAfter: c.encode(c.q.Get("start-after")), ContinuationToken: token,
		NextContinuationToken: pageToken(next),
	})
	return nil
}

// page lists what is behind after; next is where the following page starts.
func (c *call) page(after string, owned bool) (p page, next string, err error) {
	limit, err := c.limit("max-keys", maxKeys)
	if err != nil {
		return page{}, "", err
	}
	if err := c.checkEncoding(); err != nil {
		return page{}, "", err
	}
	q := diskobject.Query{Prefix: c.q.Get("prefix"), Delimiter: c.q.Get("delimiter"), After: after, Max: limit}
	found, err := c.store.List(c.r.Context(), c.who.Account, c.bucket, q)
	if err != nil {
		return page{}, "", err
	}
	p = page{
		Name: c.bucket, Prefix: c.encode(q.Prefix), Delimiter: c.encode(q.Delimiter), MaxKeys: limit,
		EncodingType: c.q.Get("encoding-type"), IsTruncated: found.Next != "",
	}
	for _, o := range found.Objects {
		e := objectEntry{
			Key: c.encode(o.Name.Key), LastModified: o.Modified.Format(timestamp), ETag: quote(o.ETag), Size: o.Size,
			StorageClass: "STANDARD", ChecksumAlgorithm: string(o.Checksum.Algorithm), ChecksumType: checksumType(o.Checksum),
		}
		if owned {
			who := c.owner()
			e.Owner = &who
		}
		p.Contents = append(p.Contents, e)
	}
	for _, g := range found.Groups {
		p.CommonPrefixes = append(p.CommonPrefixes, commonPrefix{c.encode(g)})
	}
	return p, found.Next, nil
}

// encode writes s as the caller wants keys written: XML has no way to say some of what
// a key may hold.
func (c *call) encode(s string) string {
	if c.q.Get("encoding-type") != "url" {
		return s
	}
	return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(s))
}

func quote(etag string) string { return `"` + etag + `"` }
