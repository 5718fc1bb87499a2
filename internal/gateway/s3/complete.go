package s3

import (
	"bytes"
	"crypto/md5" // Content-MD5 is one
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object/diskobject"
)

type completion struct {
	Parts []completionPart `xml:"Part"`
}

type completionPart struct {
	PartNumber *integer
	ETag       *string
	Checksums  []struct {
		XMLName xml.Name
		Value   string `xml:",chardata"`
	} `xml:",any"`
}

// partElements are the elements of a Part.
func partElements() []xmlElement {
	elements := []xmlElement{{name: "PartNumber"}, {name: "ETag"}}
	for _, a := range diskobject.Algorithms() {
		elements = append(elements, xmlElement{name: checksumElement + string(a)})
	}
	return elements
}

const checksumElement = "Checksum" // and the name of an algorithm

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
	in, err := c.completion()
	if err != nil {
		return err
	}
	id := c.q.Get("uploadId")
	u, err := c.store.Upload(c.r.Context(), c.name(), id)
	if err == nil {
		err = c.checkCompletion(u.Checksum, in)
	}
	if err != nil && !errors.Is(err, diskobject.ErrNoUpload) { // without it, this may be a repetition
		return err
	}
	o, err := c.store.Complete(c.r.Context(), c.name(), id, in)
	if err != nil {
		return completionFailure(err)
	}
	if err := c.checkCompletion(o.Checksum, in); err != nil { // of a repetition, which changed nothing
		return err
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

// completion reads what the object is to be. The checksum headers of this request are
// about the object, not about its body.
func (c *call) completion() (diskobject.Completion, error) {
	var in diskobject.Completion
	var err error
	if in.If, err = c.condition(); err != nil {
		return in, err
	}
	if in.Checksum, err = checksumHeader(c.r.Header, isObjectSum); err != nil {
		return in, err
	}
	if in.Size, err = c.objectSize(); err != nil {
		return in, err
	}
	in.Parts, err = c.parts()
	return in, err
}

// isObjectSum reports whether value is a sum of the algorithm, or a composite one, which
// has the number of parts behind it.
func isObjectSum(a diskobject.Algorithm, value string) bool {
	value, count, composite := strings.Cut(value, "-")
	if composite {
		if n, err := strconv.ParseUint(count, 10, 16); err != nil || n < 1 || n > diskobject.MaxParts {
			return false
		}
	}
	return isSum(a, value)
}

const objectSize = "X-Amz-Mp-Object-Size"

// objectSize reads how large the object is expected to be.
func (c *call) objectSize() (*int64, error) {
	values, given := c.r.Header[objectSize]
	if !given {
		return nil, nil
	}
	text := strings.Join(values, ",")
	size, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strings.HasPrefix(text, "+") {
		return nil, invalidValue(objectSize)
	}
	if size < 0 {
		return nil, invalidRequest("Value for x-amz-mp-object-size header is less than zero: '%d'", size)
	}
	return &size, nil
}

// checkCompletion refuses what does not fit the upload's checksum.
func (c *call) checkCompletion(sum diskobject.Checksum, in diskobject.Completion) error {
	kind, err := checksumKindOf(c.r.Header)
	if err != nil {
		return err
	}
	if kind != "" && kind != checksumType(sum) {
		return invalidRequest("The upload was created using the %s checksum mode. The complete request must use the same checksum mode.", checksumType(sum))
	}
	for _, name := range []string{sdkAlgorithm, checksumAlgorithm} {
		a, err := namedAlgorithm(c.r.Header, name)
		if err != nil {
			return err
		}
		if a != "" && a != sum.Algorithm {
			return errMismatch(sum.Algorithm, string(a))
		}
	}
	algorithm := strings.ToLower(string(sum.Algorithm))
	if a := in.Checksum.Algorithm; a != "" && a != sum.Algorithm {
		return errMismatch(sum.Algorithm, string(a))
	}
	for _, p := range in.Parts {
		if sum.Composite && p.Checksum.Value == "" {
			return invalidRequest("The upload was created using a %s checksum. The complete request must include the checksum for each part. "+
				"It was missing for part %d in the request.", algorithm, p.Number)
		}
	}
	return nil
}

// completionFailure names what is wrong with the object that the parts make.
func completionFailure(err error) error {
	var size diskobject.SizeError
	switch {
	case errors.As(err, &size):
		return invalidRequest("The provided 'x-amz-mp-object-size' header value %d does not match what was computed: %d", size.Want, size.Got)
	case fault.Is(err, fault.BodyMismatch):
		return failure{"BadDigest", http.StatusBadRequest, fault.Message(err)}
	}
	return err
}

// parts reads the list of parts that the object is to be made of.
func (c *call) parts() ([]diskobject.PartRef, error) {
	sum, err := contentMD5(c.r.Header)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(&bounded{r: c.body(), left: maxDocument})
	if err != nil {
		return nil, err
	}
	if got := md5.Sum(text); sum != nil && !bytes.Equal(sum, got[:]) {
		return nil, errMD5
	}
	var in completion
	if readXML(text, completeDocument, &in) != nil || len(in.Parts) == 0 || len(in.Parts) > diskobject.MaxParts {
		return nil, errXML
	}
	refs := make([]diskobject.PartRef, len(in.Parts))
	for i, p := range in.Parts {
		if refs[i], err = p.ref(); err != nil {
			return nil, err
		}
	}
	return refs, nil
}

func (p completionPart) ref() (diskobject.PartRef, error) {
	if p.PartNumber == nil || p.ETag == nil {
		return diskobject.PartRef{}, errXML
	}
	ref := diskobject.PartRef{Number: int(*p.PartNumber), ETag: etagOf(*p.ETag)}
	if ref.Number < 1 || ref.Number > diskobject.MaxParts {
		return ref, failure{"InvalidArgument", http.StatusBadRequest, "PartNumber must be >= 1 and <= 10000"}
	}
	for _, e := range p.Checksums {
		a := diskobject.Algorithm(strings.TrimPrefix(e.XMLName.Local, checksumElement))
		if ref.Checksum.Algorithm != "" || !isSum(a, e.Value) {
			return ref, failure{"InvalidArgument", http.StatusBadRequest, fmt.Sprintf("Invalid Base64 or multiple checksums present in request: %s of part %d", e.XMLName.Local, ref.Number)}
		}
		ref.Checksum = diskobject.Checksum{Algorithm: a, Value: e.Value}
	}
	return ref, nil
}
