package s3

import (
	"encoding/base64"
	"encoding/xml"
	"math"
	"net/http"

	"github.com/sluicehq/sluice/internal/object/diskobject"
)

type partEntry struct {
	PartNumber   int
	LastModified string
	ETag         string
	Size         int64
	checksums
}

type listPartsResult struct {
	XMLName              xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListPartsResult"`
	Bucket               string
	Key                  string
	UploadID             string `xml:"UploadId"`
	PartNumberMarker     int
	NextPartNumberMarker int
	MaxParts             int
	IsTruncated          bool
	Parts                []partEntry `xml:"Part"`
	Initiator            owner
	Owner                owner
	StorageClass         string
	ChecksumAlgorithm    string
	ChecksumType         string
}

func (c *call) listParts() error {
	limit, err := c.limit("max-parts", maxKeys)
	if err != nil {
		return err
	}
	marker, err := c.number("part-number-marker", 0, 0, math.MaxInt32)
	if err != nil {
		return err
	}
	u, err := c.store.Upload(c.r.Context(), c.name(), c.q.Get("uploadId"))
	if err != nil {
		return err
	}
	found, more, err := c.store.Parts(c.r.Context(), u.Name, u.ID, marker, limit)
	if err != nil {
		return err
	}
	out := listPartsResult{
		Bucket: c.bucket, Key: c.key, UploadID: u.ID, PartNumberMarker: marker, MaxParts: limit, IsTruncated: more,
		Initiator: c.owner(), Owner: c.owner(), StorageClass: "STANDARD",
		ChecksumAlgorithm: string(u.Checksum.Algorithm), ChecksumType: checksumType(u.Checksum),
	}
	for _, p := range found {
		out.NextPartNumberMarker = p.Number
		out.Parts = append(out.Parts, partEntry{
			p.Number, p.Modified.Format(timestamp), quote(p.ETag), p.Size,
			checksumsOf(u.Checksum.Algorithm, base64.StdEncoding.EncodeToString(p.Sum)),
		})
	}
	c.writeXML(http.StatusOK, out)
	return nil
}

type uploadEntry struct {
	Key               string
	UploadID          string `xml:"UploadId"`
	Initiator         owner
	Owner             owner
	StorageClass      string
	Initiated         string
	ChecksumAlgorithm string
	ChecksumType      string
}

type listUploadsResult struct {
	XMLName            xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListMultipartUploadsResult"`
	Bucket             string
	KeyMarker          string
	UploadIDMarker     string `xml:"UploadIdMarker"`
	NextKeyMarker      string `xml:",omitempty"`
	NextUploadIDMarker string `xml:"NextUploadIdMarker,omitempty"`
	Prefix             string
	Delimiter          string `xml:",omitempty"`
	EncodingType       string `xml:",omitempty"`
	MaxUploads         int
	IsTruncated        bool
	Uploads            []uploadEntry `xml:"Upload"`
	CommonPrefixes     []commonPrefix
}

func (c *call) listUploads() error {
	limit, err := c.limit("max-uploads", maxKeys)
	if err != nil {
		return err
	}
	if err := c.checkEncoding(); err != nil {
		return err
	}
	q := diskobject.UploadQuery{ID: c.q.Get("upload-id-marker"), Query: diskobject.Query{
		Prefix: c.q.Get("prefix"), Delimiter: c.q.Get("delimiter"), After: c.q.Get("key-marker"), Max: limit,
	}}
	p, err := c.store.Uploads(c.r.Context(), c.who.Account, c.bucket, q)
	if err != nil {
		return err
	}
	out := listUploadsResult{
		Bucket: c.bucket, KeyMarker: c.encode(q.After), UploadIDMarker: q.ID,
		NextKeyMarker: c.encode(p.Next), NextUploadIDMarker: p.NextID,
		Prefix: c.encode(q.Prefix), Delimiter: c.encode(q.Delimiter), EncodingType: c.q.Get("encoding-type"),
		MaxUploads: limit, IsTruncated: p.More,
	}
	for _, u := range p.Uploads {
		out.Uploads = append(out.Uploads, uploadEntry{
			c.encode(u.Name.Key), u.ID, c.owner(), c.owner(), "STANDARD", u.Started.Format(timestamp),
			string(u.Checksum.Algorithm), checksumType(u.Checksum),
		})
	}
	for _, g := range p.Groups {
		out.CommonPrefixes = append(out.CommonPrefixes, commonPrefix{c.encode(g)})
	}
	c.writeXML(http.StatusOK, out)
	return nil
}
