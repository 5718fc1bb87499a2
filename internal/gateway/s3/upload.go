package s3

import (
	"encoding/xml"
	"io"
	"net/http"
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
		c.w.Header().Set("X-Amz-Checksum-Algorithm", string(sum.Algorithm))
		c.w.Header().Set(checksumPrefix+"Type", checksumType(sum))
	}
	c.writeXML(http.StatusOK, createUploadResult{Bucket: c.bucket, Key: c.key, UploadID: u.ID})
	return nil
}

// uploadChecksum reads which checksum the object is to be kept with.
//
// Source: Amazon S3 User Guide, "Checking object integrity in Amazon S3", which says
// what type an algorithm has when the caller does not say.
func (c *call) uploadChecksum() (diskobject.Checksum, error) {
	name, kind := c.r.Header.Get("X-Amz-Checksum-Algorithm"), c.r.Header.Get("X-Amz-Checksum-Type")
	sum := diskobject.Checksum{Algorithm: diskobject.Algorithm(strings.ToUpper(name))}
	if name == "" {
		if kind != "" {
			return sum, failure{"InvalidRequest", http.StatusBadRequest, "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."}
		}
		return sum, nil
	}
	if sum.Algorithm.New() == nil {
		return sum, failure{"InvalidRequest", http.StatusBadRequest, "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"}
	}
	sha := sum.Algorithm == diskobject.SHA1 || sum.Algorithm == diskobject.SHA256
	sum.Composite = kind == "COMPOSITE" || kind == "" && sum.Algorithm != diskobject.CRC64NVME
	if kind != "" && kind != "COMPOSITE" && kind != "FULL_OBJECT" ||
		sum.Composite && sum.Algorithm == diskobject.CRC64NVME || !sum.Composite && sha {
		return sum, failure{"InvalidRequest", http.StatusBadRequest, "The " + kind + " checksum type cannot be used with the " + string(sum.Algorithm) + " checksum algorithm."}
	}
	return sum, nil
}

// partNumber reads which part a request is about.
func (c *call) partNumber() (int, error) {
	n, err := strconv.Atoi(c.q.Get("partNumber"))
	if err != nil || n < 1 || n > diskobject.MaxParts {
		return 0, failure{"InvalidArgument", http.StatusBadRequest, "Part number must be an integer between 1 and 10000, inclusive"}
	}
	return n, nil
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
	var got diskobject.Digest
	w := diskobject.Write{Checksum: in.algorithm, Check: func(d diskobject.Digest) error {
		got = d
		return in.check(d)
	}}
	p, err := c.store.WritePart(c.r.Context(), c.name(), c.q.Get("uploadId"), number, w, c.body())
	if err != nil {
		return err
	}
	c.w.Header().Set("ETag", quote(p.ETag))
	if in.algorithm != "" {
		c.w.Header().Set(header(in.algorithm), got.Sum(in.algorithm))
	}
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
	r, err := c.store.Get(c.r.Context(), src)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	if err := accept(r.Object); err != nil {
		return err
	}
	piece := span{0, r.Object.Size}
	if text := c.r.Header.Get(copySource + "-Range"); text != "" {
		s, found, ok := parseRange(text, r.Object.Size)
		if !found || !ok {
			return failure{"InvalidRange", http.StatusRequestedRangeNotSatisfiable, "The requested range is not satisfiable"}
		}
		piece = s
	}
	if _, err := r.Seek(piece.start, io.SeekStart); err != nil {
		return err
	}
	p, err := c.store.WritePart(c.r.Context(), c.name(), c.q.Get("uploadId"), number, diskobject.Write{}, io.LimitReader(r, piece.size))
	if err != nil {
		return err
	}
	c.writeXML(http.StatusOK, copyResult{
		XMLName: xml.Name{Local: "CopyPartResult"}, ETag: quote(p.ETag), LastModified: p.Modified.Format(timestamp),
	})
	return nil
}

type completion struct {
	Parts []struct {
		PartNumber int
		ETag       string
		checksums
	} `xml:"Part"`
}

type completeResult struct {
	XMLName      xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUploadResult"`
	Location     string
	Bucket       string
	Key          string
	ETag         string
	ChecksumType string
	checksums
}

func (c *call) completeUpload() error {
	u, err := c.store.Upload(c.r.Context(), c.name(), c.q.Get("uploadId"))
	if err != nil {
		return err
	}
	refs, err := c.parts(u.Checksum.Algorithm)
	if err != nil {
		return err
	}
	cond, err := c.condition()
	if err != nil {
		return err
	}
	if kind := c.r.Header.Get("X-Amz-Checksum-Type"); kind != "" && kind != checksumType(u.Checksum) {
		return failure{"InvalidRequest", http.StatusBadRequest, "The upload was created using the " + checksumType(u.Checksum) + " checksum mode. The complete request must use the same checksum mode."}
	}
	o, err := c.store.Complete(c.r.Context(), c.name(), u.ID, refs, c.r.Header.Get(header(u.Checksum.Algorithm)), cond)
	if err != nil {
		return asBadDigest(err)
	}
	scheme := "http://"
	if c.r.TLS != nil {
		scheme = "https://"
	}
	c.writeXML(http.StatusOK, completeResult{
		Location: scheme + c.r.Host + c.r.URL.EscapedPath(), Bucket: c.bucket, Key: c.key, ETag: quote(o.ETag),
		ChecksumType: checksumType(o.Checksum), checksums: checksumsOf(o.Checksum.Algorithm, o.Checksum.Value),
	})
	return nil
}

// parts reads the list of parts that the object is to be made of. The checksum headers
// of this request are about the object, not about this list.
func (c *call) parts(a diskobject.Algorithm) ([]diskobject.PartRef, error) {
	var in completion
	text, err := io.ReadAll(&bounded{r: c.body(), left: maxDocument})
	if err != nil {
		return nil, err
	}
	if xml.Unmarshal(text, &in) != nil || len(in.Parts) == 0 || len(in.Parts) > diskobject.MaxParts {
		return nil, errXML
	}
	refs := make([]diskobject.PartRef, len(in.Parts))
	for i, p := range in.Parts {
		refs[i] = diskobject.PartRef{Number: p.PartNumber, ETag: strings.Trim(p.ETag, `"`), Sum: *p.of(a)}
	}
	return refs, nil
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
