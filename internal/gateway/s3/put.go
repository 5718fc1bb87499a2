package s3

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/diskobject"
)

const (
	copySource = "X-Amz-Copy-Source"
	metaPrefix = "X-Amz-Meta-"
	maxMeta    = 2 << 10 // of all names and values that a caller makes up
)

// kept are the headers that come back with the object as they were put.
var kept = []string{"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires"}

// meta reads what the caller says about its object.
func (c *call) meta() (diskobject.Meta, error) {
	h := c.r.Header
	m := diskobject.Meta{ContentType: h.Get("Content-Type"), Headers: map[string]string{}, User: map[string]string{}}
	for _, name := range kept {
		v := h.Get(name)
		if name == "Content-Encoding" {
			v = withoutChunked(v)
		}
		if v != "" {
			m.Headers[name] = v
		}
	}
	size := 0
	for name, values := range h {
		if rest, ok := strings.CutPrefix(name, metaPrefix); ok && rest != "" {
			m.User[strings.ToLower(rest)] = strings.Join(values, ",")
			size += len(rest) + len(m.User[strings.ToLower(rest)])
		}
	}
	if size > maxMeta {
		return m, failure{"MetadataTooLarge", http.StatusBadRequest, "Your metadata headers exceed the maximum allowed metadata size"}
	}
	return m, nil
}

// withoutChunked removes aws-chunked, which is about the transfer, from a list of content
// codings. Some clients send it with a body that is not chunked.
func withoutChunked(codings string) string {
	if !strings.Contains(strings.ToLower(codings), "aws-chunked") {
		return codings
	}
	var rest []string
	for one := range strings.SplitSeq(codings, ",") {
		if one = strings.TrimSpace(one); one != "" && !strings.EqualFold(one, "aws-chunked") {
			rest = append(rest, one)
		}
	}
	return strings.Join(rest, ",")
}

func (c *call) putObject() error {
	w, err := c.write()
	if err != nil {
		return err
	}
	o, err := c.store.Write(c.r.Context(), c.name(), w, c.body())
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("ETag", quote(o.ETag))
	setChecksum(h, o.Checksum)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// write reads from the headers how the body is to be put.
func (c *call) write() (diskobject.Write, error) {
	in, err := c.integrity()
	if err != nil {
		return diskobject.Write{}, err
	}
	w := diskobject.Write{Checksum: in.algorithm, Check: in.check}
	if w.If, err = c.condition(); err == nil {
		w.Meta, err = c.meta()
	}
	return w, err
}

type copyResult struct {
	XMLName      xml.Name
	ETag         string
	LastModified string
	ChecksumType string `xml:",omitempty"`
	checksums
}

func (c *call) copyObject() error {
	src, err := c.source()
	if err != nil {
		return err
	}
	how, err := c.copying(src)
	if err != nil {
		return err
	}
	o, err := c.store.Copy(c.r.Context(), src, c.name(), how)
	if err != nil {
		return err
	}
	c.writeXML(http.StatusOK, copyResult{
		XMLName: xml.Name{Local: "CopyObjectResult"}, ETag: quote(o.ETag), LastModified: o.Modified.Format(timestamp),
		ChecksumType: checksumType(o.Checksum), checksums: checksumsOf(o.Checksum.Algorithm, o.Checksum.Value),
	})
	return nil
}

// copying reads how the object is to be copied.
func (c *call) copying(src object.Name) (how diskobject.Copying, err error) {
	if how.Accept, err = c.acceptSource(); err != nil {
		return how, err
	}
	if how.If, err = c.condition(); err != nil {
		return how, err
	}
	if how.Checksum, err = namedAlgorithm(c.r.Header, checksumAlgorithm); err != nil {
		return how, err
	}
	if err := c.checkNamed(how.Checksum); err != nil {
		return how, err
	}
	switch strings.ToUpper(c.r.Header.Get("X-Amz-Metadata-Directive")) {
	case "REPLACE":
		m, err := c.meta()
		how.Meta = &m
		return how, err
	case "", "COPY":
		if src == c.name() && !c.changesStorage() {
			return how, failure{"InvalidRequest", http.StatusBadRequest, "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."}
		}
		return how, nil
	}
	return how, failure{"InvalidArgument", http.StatusBadRequest, "Unknown metadata directive."}
}

// changesStorage reports whether a copy of an object onto itself asks for a storage class
// or an encryption: then S3 allows it without new metadata.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
func (c *call) changesStorage() bool {
	for _, name := range []string{"X-Amz-Storage-Class", "X-Amz-Server-Side-Encryption"} {
		if c.r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

// source reads the name of what is to be copied, bucket/key with or without a slash
// before it, and finds its bucket.
func (c *call) source() (object.Name, error) {
	values := c.r.Header[copySource]
	if len(values) != 1 {
		return object.Name{}, invalidHeader(copySource)
	}
	text := strings.TrimPrefix(values[0], "/")
	text, version, _ := strings.Cut(text, "?versionId=")
	whole, err := url.PathUnescape(text)
	if err != nil || !utf8.ValidString(whole) {
		return object.Name{}, badArgument("x-amz-copy-source", text, "Invalid copy source encoding")
	}
	bucket, key, found := strings.Cut(text, "/")
	if !found { // all of it may be escaped
		bucket, key, _ = strings.Cut(strings.TrimPrefix(whole, "/"), "/")
	} else if k, err := url.PathUnescape(key); err == nil {
		key = k
	}
	if bucket == "" || key == "" || version != "" && version != "null" {
		return object.Name{}, failure{"InvalidArgument", http.StatusBadRequest, "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"}
	}
	if !validBucket(bucket) {
		return object.Name{}, badArgument("x-amz-copy-source", text, "Invalid copy source bucket name")
	}
	n := object.Name{Account: c.who.Account, Bucket: bucket, Key: key}
	_, err = c.store.Bucket(c.r.Context(), n.Account, n.Bucket)
	return n, err
}
