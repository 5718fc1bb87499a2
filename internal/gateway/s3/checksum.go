package s3

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/internal/object/diskobject"
)

const (
	checksumPrefix    = "X-Amz-Checksum-"
	checksumAlgorithm = checksumPrefix + "Algorithm"
	checksumKind      = checksumPrefix + "Type"
	checksumMode      = checksumPrefix + "Mode"
	sdkAlgorithm      = "X-Amz-Sdk-Checksum-Algorithm"
	trailerNames      = "X-Amz-Trailer"
)

var errChecksums = failure{"InvalidRequest", http.StatusBadRequest, "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."}

// header returns the name of the header, or of the trailer, with a sum of the algorithm.
func header(a diskobject.Algorithm) string { return sumHeaders[a] }

var sumHeaders = func() map[diskobject.Algorithm]string {
	names := map[diskobject.Algorithm]string{}
	for _, a := range diskobject.Algorithms() {
		names[a] = http.CanonicalHeaderKey(checksumPrefix + string(a))
	}
	return names
}()

// withChecksum are the operations that compare a value of x-amz-checksum-*.
var withChecksum = []string{"PutObject", "UploadPart", "CompleteMultipartUpload", "CreateBucket", "DeleteObjects"}

// checkChecksumHeaders refuses a checksum header that is not known, and a value for what
// the operation does not compare it with.
func (c *call) checkChecksumHeaders(op *operation) error {
	for name := range c.r.Header {
		kind, ok := strings.CutPrefix(name, checksumPrefix)
		switch {
		case !ok || name == checksumAlgorithm || name == checksumKind || name == checksumMode:
		case algorithm(kind) == "":
			return invalidRequest("The algorithm type you specified in x-amz-checksum- header is invalid.")
		case c.r.Method != http.MethodGet && c.r.Method != http.MethodHead && !slices.Contains(withChecksum, op.name):
			return notImplemented(name)
		}
	}
	return nil
}

// algorithm returns the algorithm of that name, in any case; "" if there is none.
func algorithm(name string) diskobject.Algorithm {
	a := diskobject.Algorithm(strings.ToUpper(name))
	if !slices.Contains(diskobject.Algorithms(), a) {
		return ""
	}
	return a
}

func invalidRequest(format string, args ...any) failure {
	return failure{"InvalidRequest", http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// invalidValue refuses the value of a checksum header.
func invalidValue(name string) failure {
	return invalidRequest("Value for %s header is invalid.", strings.ToLower(name))
}

// isSum reports whether value is the base64 of a sum of the algorithm.
func isSum(a diskobject.Algorithm, value string) bool {
	sum, err := base64.StdEncoding.Strict().DecodeString(value)
	return err == nil && len(sum) == a.New().Size()
}

// checksumHeader returns the one value that the headers give; the zero value if there is
// none. valid says whether a value has the right form.
func checksumHeader(h http.Header, valid func(diskobject.Algorithm, string) bool) (diskobject.Checksum, error) {
	var found diskobject.Checksum
	for _, a := range diskobject.Algorithms() {
		values, given := h[header(a)]
		if !given {
			continue
		}
		if found.Algorithm != "" || len(values) != 1 {
			return found, errChecksums
		}
		found = diskobject.Checksum{Algorithm: a, Value: values[0]}
	}
	if found.Algorithm != "" && !valid(found.Algorithm, found.Value) {
		return found, invalidValue(header(found.Algorithm))
	}
	return found, nil
}

// trailerChecksum returns the algorithm of the checksum that the trailer is to have; ""
// if there is no trailer.
func trailerChecksum(h http.Header) (found diskobject.Algorithm, err error) {
	for name := range strings.SplitSeq(strings.Join(h[trailerNames], ","), ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		kind, ok := strings.CutPrefix(http.CanonicalHeaderKey(name), checksumPrefix)
		a := algorithm(kind)
		switch {
		case !ok || a == "":
			return "", invalidRequest("The value specified in the x-amz-trailer header is not supported")
		case found != "":
			return "", errChecksums
		}
		found = a
	}
	return found, nil
}

// namedAlgorithm returns the algorithm that a header names; "" without the header.
func namedAlgorithm(h http.Header, name string) (diskobject.Algorithm, error) {
	values, given := h[name]
	if !given {
		return "", nil
	}
	a := algorithm(strings.Join(values, ","))
	if a == "" {
		return "", invalidRequest("Checksum algorithm provided is unsupported. Please try again with any of the valid types: %s",
			strings.ReplaceAll(fmt.Sprint(diskobject.Algorithms()), " ", ", "))
	}
	return a, nil
}

// checkNamed compares the algorithm that an SDK names with the one that the operation uses,
// want, where the request has no value of it.
func (c *call) checkNamed(want diskobject.Algorithm) error {
	named, err := namedAlgorithm(c.r.Header, sdkAlgorithm)
	switch {
	case err != nil:
		return err
	case named != "" && want == "":
		return errNoValue
	case named != "" && named != want:
		return invalidValue(sdkAlgorithm)
	}
	return nil
}

var errNoValue = invalidRequest("x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.")

// checksumKindOf returns the type of checksum that the headers name; "" without the header.
func checksumKindOf(h http.Header) (string, error) {
	values, given := h[checksumKind]
	kind := strings.Join(values, ",")
	if given && kind != "COMPOSITE" && kind != "FULL_OBJECT" {
		return "", invalidValue(checksumKind)
	}
	return kind, nil
}

// uploadChecksum reads which checksum an object put in parts is to be kept with.
//
// Source: Amazon S3 User Guide, "Checking object integrity in Amazon S3", which says
// what type an algorithm has when the caller does not say.
func (c *call) uploadChecksum() (diskobject.Checksum, error) {
	a, err := namedAlgorithm(c.r.Header, checksumAlgorithm)
	if err != nil {
		return diskobject.Checksum{}, err
	}
	kind, err := checksumKindOf(c.r.Header)
	switch {
	case err != nil:
		return diskobject.Checksum{}, err
	case a == "" && kind != "":
		return diskobject.Checksum{}, invalidRequest("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
	}
	if err := c.checkNamed(a); err != nil {
		return diskobject.Checksum{}, err
	}
	sum := diskobject.Checksum{Algorithm: a, Composite: kind == "COMPOSITE" || kind == "" && a.Allows(true)}
	if a != "" && !a.Allows(sum.Composite) {
		return sum, invalidRequest("The %s checksum type cannot be used with the %s checksum algorithm.", checksumType(sum), strings.ToLower(string(a)))
	}
	return sum, nil
}

// checkPart refuses a part whose checksum is not the upload's: each part of an upload
// with a composite checksum comes with one of its algorithm, and no part of an upload
// whose maker chose an algorithm with one of another.
func checkPart(u diskobject.Upload, given diskobject.Algorithm) error {
	want := u.Checksum.Algorithm
	if !u.Chosen || given == want || given == "" && !u.Checksum.Composite {
		return nil
	}
	name := string(given)
	if name == "" {
		name = "null"
	}
	return errMismatch(want, name)
}

func errMismatch(want diskobject.Algorithm, got string) failure {
	return invalidRequest("Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s", want, got)
}

// checksums are the elements of a reply that show one.
type checksums struct {
	ChecksumCRC32     string `xml:",omitempty"`
	ChecksumCRC32C    string `xml:",omitempty"`
	ChecksumCRC64NVME string `xml:",omitempty"`
	ChecksumMD5       string `xml:",omitempty"`
	ChecksumSHA1      string `xml:",omitempty"`
	ChecksumSHA256    string `xml:",omitempty"`
	ChecksumSHA512    string `xml:",omitempty"`
	ChecksumXXHASH128 string `xml:",omitempty"`
	ChecksumXXHASH3   string `xml:",omitempty"`
	ChecksumXXHASH64  string `xml:",omitempty"`
}

func checksumsOf(a diskobject.Algorithm, value string) (s checksums) {
	switch a {
	case diskobject.CRC32:
		s.ChecksumCRC32 = value
	case diskobject.CRC32C:
		s.ChecksumCRC32C = value
	case diskobject.CRC64NVME:
		s.ChecksumCRC64NVME = value
	case diskobject.MD5:
		s.ChecksumMD5 = value
	case diskobject.SHA1:
		s.ChecksumSHA1 = value
	case diskobject.SHA256:
		s.ChecksumSHA256 = value
	case diskobject.SHA512:
		s.ChecksumSHA512 = value
	case diskobject.XXHASH128:
		s.ChecksumXXHASH128 = value
	case diskobject.XXHASH3:
		s.ChecksumXXHASH3 = value
	case diskobject.XXHASH64:
		s.ChecksumXXHASH64 = value
	}
	return s
}
