package s3

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/internal/object/diskobject"
)

type createUploadResult struct {
	XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ InitiateMultipartUploadResult"`
	Bucket   string
	Key      string
	UploadID string `xml:"UploadId"`
}

func (c *call) createUpload() error {
	meta, err := c.meta()
	if err != nil {
		return err
	}
	sum, err := c.uploadChecksum()
	if err != nil {
		return err
	}
	u, err := c.store.StartUpload(c.r.Context(), c.name(), meta, sum)
	if err != nil {
		return err
	}
	if sum.Algorithm != "" {
		c.w.Header().Set(checksumAlgorithm, string(sum.Algorithm))
		c.w.Header().Set(checksumKind, checksumType(sum))
	}
	c.writeXML(http.StatusOK, createUploadResult{Bucket: c.bucket, Key: c.key, UploadID: u.ID})
	return nil
}

// partNumber reads which part a request is about.
func (c *call) partNumber() (int, error) {
	n, ok := wholeNumber(c.q.Get("partNumber"))
	if !ok || n < 1 || n > diskobject.MaxParts {
		return 0, badArgument("partNumber", c.q.Get("partNumber"), "Part number must be an integer between 1 and 10000, inclusive")
	}
	return int(n), nil
}

func (c *call) uploadPart() error {
	number, err := c.partNumber()
	if err != nil {
		return err
	}
	in, err := c.integrity()
	if err != nil {
		return err
	}
	u, err := c.store.Upload(c.r.Context(), c.name(), c.q.Get("uploadId"))
	if err != nil {
		return err
	}
	if err := checkPart(u, in.algorithm); err != nil {
		return err
	}
	var got diskobject.Digest
	w := diskobject.Write{Checksum: in.algorithm, Check: func(d diskobject.Digest) error {
		got = d
		return in.check(d)
	}}
	p, err := c.store.WritePart(c.r.Context(), c.name(), u.ID, number, w, c.body())
	if err != nil {
		return err
	}
	shown := in.algorithm
	if shown == "" {
		shown = u.Checksum.Algorithm
	}
	c.w.Header().Set("ETag", quote(p.ETag))
	c.w.Header().Set(header(shown), got.Sum(shown))
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (c *call) uploadPartCopy() error {
	number, err := c.partNumber()
	if err != nil {
		return err
	}
	src, err := c.source()
	if err != nil {
		return err
	}
	accept, err := c.acceptSource()
	if err != nil {
		return err
	}
	u, err := c.store.Upload(c.r.Context(), c.name(), c.q.Get("uploadId"))
	if err != nil {
		return err
	}
	r, err := c.store.Get(c.r.Context(), src)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	if err := accept(r.Object); err != nil {
		return err
	}
	piece, err := c.sourceRange(r.Object.Size)
	if err != nil {
		return err
	}
	if _, err := r.Seek(piece.start, io.SeekStart); err != nil {
		return err
	}
	p, err := c.store.WritePart(c.r.Context(), c.name(), u.ID, number, diskobject.Write{}, io.LimitReader(r, piece.size))
	if err != nil {
		return err
	}
	out := copyResult{XMLName: xml.Name{Local: "CopyPartResult"}, ETag: quote(p.ETag), LastModified: p.Modified.Format(timestamp)}
	if u.Chosen {
		out.checksums = checksumsOf(u.Checksum.Algorithm, base64.StdEncoding.EncodeToString(p.Sum))
	}
	c.writeXML(http.StatusOK, out)
	return nil
}

var sourceRange = regexp.MustCompile(`^bytes=([0-9]{1,18})-([0-9]{1,18})$`)

// sourceRange reads which bytes of a source of that size become the part. Unlike a Range,
// it is never shortened: the part would be smaller than the caller believes.
func (c *call) sourceRange(size int64) (span, error) {
	values, given := c.r.Header[copySource+"-Range"]
	if !given {
		return span{0, size}, nil
	}
	found := sourceRange.FindStringSubmatch(strings.Join(values, ","))
	if found == nil {
		return span{}, errSourceRange
	}
	first, _ := strconv.ParseInt(found[1], 10, 64) // 18 digits fit
	last, _ := strconv.ParseInt(found[2], 10, 64)
	switch {
	case first > last:
		return span{}, errSourceRange
	case last >= size:
		return span{}, failure{"InvalidArgument", http.StatusBadRequest, fmt.Sprintf("Range specified is not valid for source object of size: %d", size)}
	}
	return span{first, last - first + 1}, nil
}

var errSourceRange = failure{
	"InvalidArgument", http.StatusBadRequest,
	"The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
}

func (c *call) abortUpload() error {
	started, err := c.timeHeader(ifMatchStarted)
	if err != nil {
		return err
	}
	if err := c.store.Abort(c.r.Context(), c.name(), c.q.Get("uploadId"), started); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
