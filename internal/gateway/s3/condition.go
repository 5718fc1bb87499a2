package s3

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/object/diskobject"
)

const (
	ifMatchSize     = "X-Amz-If-Match-Size"
	ifMatchModified = "X-Amz-If-Match-Last-Modified-Time"
	ifMatchStarted  = "X-Amz-If-Match-Initiated-Time"
)

// conditional are the headers that make a request conditional, each with the operations
// that change something and check it. Reads follow RFC 9110, which lets them skip a
// condition that they do not know.
var conditional = map[string][]string{
	"If-Match":                          {"PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject"},
	"If-None-Match":                     {"PutObject", "CopyObject", "CompleteMultipartUpload"},
	"If-Modified-Since":                 nil,
	"If-Unmodified-Since":               nil,
	ifMatchSize:                         {"DeleteObject"},
	ifMatchModified:                     {"DeleteObject"},
	ifMatchStarted:                      {"AbortMultipartUpload"},
	copySource + "-If-Match":            {"CopyObject", "UploadPartCopy"},
	copySource + "-If-None-Match":       {"CopyObject", "UploadPartCopy"},
	copySource + "-If-Modified-Since":   {"CopyObject", "UploadPartCopy"},
	copySource + "-If-Unmodified-Since": {"CopyObject", "UploadPartCopy"},
}

// particular are headers that say what is to be stored, how much of it, or what it is to
// be compared with, each with the operations that obey it. Where they have no effect the
// caller would get something else than it asked for.
var particular = map[string][]string{
	copySource:            {"CopyObject", "UploadPartCopy"},
	copySource + "-Range": {"UploadPartCopy"},
	objectSize:            {"CompleteMultipartUpload"},
	trailerNames:          {"PutObject", "UploadPart", "CreateBucket", "DeleteObjects"},
	checksumAlgorithm:     {"PutObject", "UploadPart", "CreateBucket", "DeleteObjects", "CopyObject", "CreateMultipartUpload", "CompleteMultipartUpload"},
	sdkAlgorithm:          {"PutObject", "UploadPart", "CreateBucket", "DeleteObjects", "CopyObject", "CreateMultipartUpload", "CompleteMultipartUpload"},
	checksumKind:          {"PutObject", "UploadPart", "CreateBucket", "DeleteObjects", "CreateMultipartUpload", "CompleteMultipartUpload"},
	bucketLock:            {"CreateBucket"},
	bucketNamespace:       {"CreateBucket"},
	"Content-Range":       nil, // of a partial PUT: RFC 9110, section 14.5
	"Content-Digest":      nil, // of RFC 9530, as the following
	"Repr-Digest":         nil,
	"Digest":              nil, // of RFC 3230
}

// storesMeta are the operations that keep metadata.
var storesMeta = []string{"PutObject", "CopyObject", "CreateMultipartUpload"}

// checkConditional refuses a change under a condition that the operation does not check,
// and a header that it does not obey.
func (c *call) checkConditional(op *operation) error {
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		return nil
	}
	for name, obeyed := range particular {
		if _, given := c.r.Header[name]; given && !slices.Contains(obeyed, op.name) {
			return notImplemented(name)
		}
	}
	for name := range c.r.Header {
		if strings.HasPrefix(name, metaPrefix) && c.level == atObject && !slices.Contains(storesMeta, op.name) {
			return badArgument(strings.ToLower(name), c.r.Header.Get(name), "Metadata cannot be specified in this context.")
		}
	}
	for name := range c.trailers {
		if _, isParticular := particular[name]; isParticular || strings.HasPrefix(name, amzPrefix) || name == "Content-Md5" {
			return notImplemented("Trailer")
		}
	}
	for name, checked := range conditional {
		values, given := c.r.Header[name]
		switch {
		case !given:
		case !slices.Contains(checked, op.name):
			return notImplemented(name)
		case len(values) != 1 || strings.Trim(values[0], ` "`) == "":
			return invalidHeader(name)
		}
	}
	return nil
}

func notImplemented(header string) failure {
	return failure{"NotImplemented", http.StatusNotImplemented, "A header you provided implies functionality that is not implemented: " + header}
}

func invalidHeader(name string) failure {
	return failure{"InvalidArgument", http.StatusBadRequest, fmt.Sprintf("Value for %s header is invalid.", strings.ToLower(name))}
}

// condition reads what must hold for the object that a request puts or deletes.
func (c *call) condition() (diskobject.Condition, error) {
	h := c.r.Header
	match, none := h.Get("If-Match"), h.Get("If-None-Match")
	if none != "" && none != "*" || none != "" && match != "" {
		return diskobject.Condition{}, notImplemented("If-None-Match")
	}
	cond := diskobject.Condition{Absent: none == "*", ETag: etagOf(match)}
	if text := h.Get(ifMatchSize); text != "" {
		size, ok := wholeNumber(text)
		if !ok {
			return cond, invalidHeader(ifMatchSize)
		}
		cond.Size = &size
	}
	var err error
	cond.Modified, err = c.timeHeader(ifMatchModified)
	return cond, err
}

// etagOf returns the ETag that a condition or a part names, which clients write with its
// quotes or without. In quotes, * is an ETag that no object has; without them it means any.
func etagOf(text string) string {
	if inner, ok := strings.CutPrefix(text, `"`); ok {
		if inner, ok = strings.CutSuffix(inner, `"`); ok && inner != "*" {
			return inner
		}
	}
	return text
}

// timeHeader reads a time; without the header it is the zero time.
func (c *call) timeHeader(name string) (time.Time, error) {
	text := c.r.Header.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := parseTime(text)
	if err != nil {
		return t, invalidHeader(name)
	}
	return t, nil
}

// parseTime reads a time in one of HTTP's forms or in that of S3's XML.
func parseTime(text string) (time.Time, error) {
	if t, err := http.ParseTime(text); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, text)
}

// acceptSource returns what a copy asks about its source. For a read, a time that is no
// time is no condition; a copy must not go on without the condition.
func (c *call) acceptSource() (func(diskobject.Object) error, error) {
	for _, name := range []string{copySource + "-If-Modified-Since", copySource + "-If-Unmodified-Since"} {
		if text := c.r.Header.Get(name); text != "" {
			if _, err := http.ParseTime(text); err != nil {
				return nil, invalidHeader(name)
			}
		}
	}
	return func(o diskobject.Object) error {
		_, err := evaluate(c.r.Header, copySource+"-", o)
		return err
	}, nil
}
