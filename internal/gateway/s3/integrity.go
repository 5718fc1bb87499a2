package s3

import (
	"bytes"
	"crypto/md5" // Content-MD5 is one
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/sigv4"
)

// maxDocument bounds an XML body: S3 takes 10,000 parts with their checksums, or 1,000
// keys of 1,024 bytes, escaped.
const maxDocument = 8 << 20

// integrity is what a caller says that its body must be.
type integrity struct {
	md5       []byte               // nil if it does not say
	algorithm diskobject.Algorithm // "" if it does not say
	value     string               // base64; "" if a trailer tells, or nothing does
	trailer   bool
	r         *http.Request
}

// compares reports whether there is a value that the body is compared with.
func (in *integrity) compares() bool { return in.md5 != nil || in.value != "" || in.trailer }

// integrity reads it from the headers; a trailer's value is read when it has come.
//
// Source: Amazon S3 User Guide, "Checking object integrity in Amazon S3".
func (c *call) integrity() (integrity, error) {
	h := c.r.Header
	in := integrity{r: c.r}
	var err error
	if in.md5, err = contentMD5(h); err != nil {
		return in, err
	}
	sum, err := checksumHeader(h, isSum)
	if err != nil {
		return in, err
	}
	trailer, err := trailerChecksum(h)
	switch {
	case err != nil:
		return in, err
	case trailer != "" && sum.Algorithm != "":
		return in, errChecksums
	case trailer != "":
		in.algorithm, in.trailer = trailer, true
	default:
		in.algorithm, in.value = sum.Algorithm, sum.Value
	}
	if kind, err := checksumKindOf(h); err != nil || kind == "COMPOSITE" {
		return in, invalidValue(checksumKind)
	}
	return in, in.named(h)
}

// named compares the algorithm of the value with the one that a header names. An SDK
// names it only beside a value. x-amz-checksum-algorithm without a value asks for one.
func (in *integrity) named(h http.Header) error {
	sdk, err := namedAlgorithm(h, sdkAlgorithm)
	if err != nil {
		return err
	}
	asked, err := namedAlgorithm(h, checksumAlgorithm)
	switch {
	case err != nil:
		return err
	case sdk != "" && in.algorithm == "":
		return errNoValue
	case sdk != "" && sdk != in.algorithm:
		return invalidValue(sdkAlgorithm)
	case asked != "" && in.algorithm != "" && asked != in.algorithm:
		return invalidValue(checksumAlgorithm)
	case asked != "":
		in.algorithm = asked
	}
	return nil
}

// contentMD5 returns the sum in Content-MD5; nil without the header.
func contentMD5(h http.Header) ([]byte, error) {
	values, given := h["Content-Md5"]
	if !given {
		return nil, nil
	}
	sum, err := base64.StdEncoding.DecodeString(strings.Join(values, ","))
	if err != nil || len(sum) != md5.Size {
		return nil, failure{"InvalidDigest", http.StatusBadRequest, "The Content-MD5 you specified is not valid."}
	}
	return sum, nil
}

var errMD5 = failure{"BadDigest", http.StatusBadRequest, "The Content-MD5 you specified did not match what we received."}

// check compares the body with what was said. It is called at the body's end, when the
// trailers are here.
func (in *integrity) check(d diskobject.Digest) error {
	if in.md5 != nil && !bytes.Equal(in.md5, d.MD5[:]) {
		return explained{errMD5, []sigv4.Detail{
			{Name: "ExpectedDigest", Value: hex.EncodeToString(in.md5)}, {Name: "CalculatedDigest", Value: hex.EncodeToString(d.MD5[:])},
		}}
	}
	want := in.value
	if in.trailer {
		want = in.r.Trailer.Get(header(in.algorithm))
		if !isSum(in.algorithm, want) {
			return invalidRequest("Value for %s trailing header is invalid.", strings.ToLower(header(in.algorithm)))
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
	return &bounded{r: c.space.Reader(c.r.Body), left: c.maxBody()}
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

// discardBody reads a body that means nothing, so that a wrong one is refused before
// anything is changed: the signature covers it, and Content-MD5 may.
func (c *call) discardBody() error {
	sum, err := contentMD5(c.r.Header)
	if err != nil {
		return err
	}
	h := md5.New()
	if _, err := io.Copy(h, &bounded{r: c.body(), left: maxDocument}); err != nil {
		return err
	}
	if sum != nil && !bytes.Equal(sum, h.Sum(nil)) {
		return errMD5
	}
	return nil
}

// document reads a small XML body into v, checked like any other. It returns io.EOF if
// there is none.
func (c *call) document(root xmlElement, v any) error {
	in, err := c.integrity()
	if err != nil {
		return err
	}
	if root.name == deleteDocument.name && !in.compares() {
		return invalidRequest("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	text, err := io.ReadAll(&bounded{r: c.body(), left: maxDocument})
	if err != nil {
		return err
	}
	d := diskobject.Digest{Size: int64(len(text)), MD5: md5.Sum(text)}
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
	return readXML(text, root, v)
}
