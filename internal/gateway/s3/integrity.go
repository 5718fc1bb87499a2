package s3

import (
	"bytes"
	"crypto/md5" //nolint:gosec // Content-MD5 is one
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/sluicehq/sluice/internal/object/diskobject"
)

// maxDocument bounds an XML body: S3 takes 10,000 parts with their checksums, or 1,000
// keys of 1,024 bytes, escaped.
const maxDocument = 8 << 20

const checksumPrefix = "X-Amz-Checksum-"

// integrity is what a caller says that its body must be.
type integrity struct {
	md5       []byte               // nil if it does not say
	algorithm diskobject.Algorithm // "" if it does not say
	value     string               // base64; "" if a trailer tells, or nothing does
	trailer   bool
	r         *http.Request
}

func header(a diskobject.Algorithm) string {
	return http.CanonicalHeaderKey(checksumPrefix + string(a))
}

// integrity reads it from the headers; a trailer's value is read when it has come.
//
// Source: Amazon S3 User Guide, "Checking object integrity in Amazon S3".
func (c *call) integrity() (integrity, error) {
	h := c.r.Header
	in := integrity{r: c.r}
	if s := h.Get("Content-Md5"); s != "" {
		sum, err := base64.StdEncoding.DecodeString(s)
		if err != nil || len(sum) != md5.Size {
			return in, failure{"InvalidDigest", http.StatusBadRequest, "The Content-MD5 you specified is not valid."}
		}
		in.md5 = sum
	}
	announced := map[string]bool{}
	for name := range strings.SplitSeq(strings.Join(h["X-Amz-Trailer"], ","), ",") {
		announced[http.CanonicalHeaderKey(strings.TrimSpace(name))] = true
	}
	for _, a := range diskobject.Algorithms() {
		value, trailer := h.Get(header(a)), announced[header(a)]
		if value == "" && !trailer {
			continue
		}
		if in.algorithm != "" || value != "" && trailer {
			return in, failure{"InvalidRequest", http.StatusBadRequest, "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."}
		}
		in.algorithm, in.value, in.trailer = a, value, trailer
	}
	if in.value != "" {
		if err := checkValue(in.algorithm, in.value); err != nil {
			return in, err
		}
	}
	return in, in.wanted(h.Get("X-Amz-Sdk-Checksum-Algorithm"))
}

// wanted notes the algorithm that the caller names, which has to be that of its value.
func (in *integrity) wanted(name string) error {
	if name == "" {
		return nil
	}
	a := diskobject.Algorithm(strings.ToUpper(name))
	if a.New() == nil {
		return failure{"InvalidRequest", http.StatusBadRequest, "Value for x-amz-sdk-checksum-algorithm header is invalid."}
	}
	if in.algorithm != "" && in.algorithm != a {
		return failure{"InvalidRequest", http.StatusBadRequest, "Value for x-amz-sdk-checksum-algorithm header is invalid."}
	}
	in.algorithm = a
	return nil
}

func checkValue(a diskobject.Algorithm, value string) error {
	sum, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(sum) != a.New().Size() {
		return failure{"InvalidRequest", http.StatusBadRequest, fmt.Sprintf("Value for %s header is invalid.", strings.ToLower(header(a)))}
	}
	return nil
}

// check compares the body with what was said. It is called at the body's end, when the
// trailers are here.
func (in *integrity) check(d diskobject.Digest) error {
	if in.md5 != nil && !bytes.Equal(in.md5, d.MD5[:]) {
		return failure{"BadDigest", http.StatusBadRequest, "The Content-MD5 you specified did not match what we received."}
	}
	want := in.value
	if in.trailer {
		want = in.r.Trailer.Get(header(in.algorithm))
		if err := checkValue(in.algorithm, want); err != nil {
			return err
		}
	}
	if want != "" && want != d.Sum(in.algorithm) {
		return failure{"BadDigest", http.StatusBadRequest, fmt.Sprintf("The %s you specified did not match the calculated checksum.", in.algorithm)}
	}
	return nil
}

// body returns the request's body, cut off at the largest size that is served.
func (c *call) body() io.Reader {
	if c.r.Body == nil {
		return http.NoBody
	}
	return &bounded{r: c.space.Reader(c.r.Body), left: c.o.MaxObject}
}

// bounded fails, rather than ends, when more comes than may.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// document reads a small XML body into v, checked like any other.
func (c *call) document(v any) error {
	in, err := c.integrity()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(&bounded{r: c.body(), left: maxDocument})
	if err != nil {
		return err
	}
	d := diskobject.Digest{Size: int64(len(text)), MD5: md5.Sum(text)} //nolint:gosec // see above
	if h := in.algorithm.New(); h != nil {
		h.Write(text)
		d.Sums = map[diskobject.Algorithm][]byte{in.algorithm: h.Sum(nil)}
	}
	if err := in.check(d); err != nil {
		return err
	}
	if len(text) == 0 {
		return io.EOF
	}
	if err := xml.Unmarshal(text, v); err != nil {
		return errXML
	}
	return nil
}

var errXML = failure{"MalformedXML", http.StatusBadRequest, "The XML you provided was not well-formed or did not validate against our published schema"}
