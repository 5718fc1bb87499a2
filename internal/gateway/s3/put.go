package s3

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"

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
		if v := h.Get(name); v != "" {
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

func (c *call) putObject() error {
	w, in, err := c.write()
	if err != nil {
		return err
	}
	o, err := c.store.Write(c.r.Context(), c.name(), w, c.body())
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("ETag", quote(o.ETag))
	if in.algorithm != "" {
		setChecksum(h, o.Checksum)
	}
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// write reads from the headers how the body is to be put.
func (c *call) write() (diskobject.Write, *integrity, error) {
	in, err := c.integrity()
	if err != nil {
		return diskobject.Write{}, nil, err
	}
	w := diskobject.Write{Checksum: in.algorithm, Check: in.check}
	if w.If, err = c.condition(); err == nil {
		w.Meta, err = c.meta()
	}
	return w, &in, err
}

// checksums are the elements of a reply that tell one.
type checksums struct {
	ChecksumCRC32     string `xml:",omitempty"`
	ChecksumCRC32C    string `xml:",omitempty"`
	ChecksumCRC64NVME string `xml:",omitempty"`
	ChecksumSHA1      string `xml:",omitempty"`
	ChecksumSHA256    string `xml:",omitempty"`
}

func (s *checksums) of(a diskobject.Algorithm) *string {
	switch a {
	case diskobject.CRC32:
		return &s.ChecksumCRC32
	case diskobject.CRC32C:
		return &s.ChecksumCRC32C
	case diskobject.CRC64NVME:
		return &s.ChecksumCRC64NVME
	case diskobject.SHA1:
		return &s.ChecksumSHA1
	}
	return &s.ChecksumSHA256
}

func checksumsOf(a diskobject.Algorithm, value string) (s checksums) {
	*s.of(a) = value
	return s
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
	var o diskobject.Copying
	if o.Accept, err = c.acceptSource(); err != nil {
		return err
	}
	if o.If, err = c.condition(); err != nil {
		return err
	}
	switch strings.ToUpper(c.r.Header.Get("X-Amz-Metadata-Directive")) {
	case "REPLACE":
		m, err := c.meta()
		if err != nil {
			return err
		}
		o.Meta = &m
	case "", "COPY":
		if src == c.name() {
			return failure{"InvalidRequest", http.StatusBadRequest, "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."}
		}
	default:
		return failure{"InvalidArgument", http.StatusBadRequest, "Unknown metadata directive."}
	}
	made, err := c.store.Copy(c.r.Context(), src, c.name(), o)
	if err != nil {
		return err
	}
	c.writeXML(http.StatusOK, copyResult{
		XMLName: xml.Name{Local: "CopyObjectResult"}, ETag: quote(made.ETag), LastModified: made.Modified.Format(timestamp),
		ChecksumType: checksumType(made.Checksum), checksums: checksumsOf(made.Checksum.Algorithm, made.Checksum.Value),
	})
	return nil
}

// source reads the name of what is to be copied, bucket/key with or without a slash
// before it, and finds its bucket.
func (c *call) source() (object.Name, error) {
	text := strings.TrimPrefix(c.r.Header.Get(copySource), "/")
	text, version, _ := strings.Cut(text, "?versionId=")
	bucket, key, found := strings.Cut(text, "/")
	if !found { // all of it may be escaped
		if whole, err := url.PathUnescape(text); err == nil {
			bucket, key, _ = strings.Cut(strings.TrimPrefix(whole, "/"), "/")
		}
	} else if k, err := url.PathUnescape(key); err == nil {
		key = k
	}
	if bucket == "" || key == "" || version != "" && version != "null" {
		return object.Name{}, failure{"InvalidArgument", http.StatusBadRequest, "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"}
	}
	n := object.Name{Account: c.who.Account, Bucket: bucket, Key: key}
	_, err := c.store.Bucket(c.r.Context(), n.Account, n.Bucket)
	return n, err
}
