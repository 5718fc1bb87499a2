package s3

import (
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object/diskobject"
)

// overrides are query parameters that replace headers of the reply.
var overrides = map[string]string{
	"response-cache-control":    "Cache-Control",
	dispositionParameter:        "Content-Disposition",
	"response-content-encoding": "Content-Encoding",
	"response-content-language": "Content-Language",
	"response-content-type":     "Content-Type",
	"response-expires":          "Expires",
}

const dispositionParameter = "response-content-disposition"

// getObject serves GetObject and HeadObject.
func (c *call) getObject() (err error) {
	mode, number, err := c.readArguments()
	if err != nil {
		return err
	}
	r, err := c.store.Get(c.r.Context(), c.name())
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()

	o, h := r.Object, c.w.Header()
	asked, err := evaluate(c.r.Header, "", o)
	if err != nil {
		return err
	}
	if asked == http.StatusNotModified {
		c.describe(o)
		for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Language", "Content-Disposition"} {
			h.Del(name)
		}
		c.w.WriteHeader(asked)
		return nil
	}
	part, status, err := c.part(r, number)
	if err != nil {
		return err
	}
	if _, err := r.Seek(part.start, io.SeekStart); err != nil {
		return err
	}
	if c.r.Method != http.MethodHead && part.size > 0 {
		if err := r.Verify(); err != nil { // while there still is a status to answer with
			return err
		}
	}
	c.describe(o)
	if status == http.StatusPartialContent {
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", part.start, part.start+part.size-1, o.Size))
	} else if mode != "" {
		setChecksum(h, o.Checksum) // of the whole, so not with a part
	}
	h.Set("Content-Length", strconv.FormatInt(part.size, 10))
	c.w.WriteHeader(status)
	if c.r.Method == http.MethodHead {
		return nil
	}
	return c.send(r, part.size)
}

// readArguments reads what does not depend on the object: the checksum mode, "" if
// checksums are not asked for, and the number of a part, 0 if none is asked for.
func (c *call) readArguments() (mode string, number int, err error) {
	if mode = c.r.Header.Get(checksumMode); mode != "" && mode != "ENABLED" {
		return "", 0, badArgument("x-amz-checksum-mode", mode, "Value for x-amz-checksum-mode header is invalid.")
	}
	if !c.q.Has("partNumber") {
		return mode, 0, nil
	}
	if number, err = c.partNumber(); err == nil && c.r.Header.Get("Range") != "" {
		err = invalidRequest("Cannot specify both Range header and partNumber query parameter")
	}
	return mode, number, err
}

// describe sets the headers that tell about o.
func (c *call) describe(o diskobject.Object) {
	h := c.w.Header()
	h.Set("Accept-Ranges", "bytes")
	h.Set("Last-Modified", httpTime(o.Modified))
	h.Set("ETag", quote(o.ETag))
	h.Set("Content-Type", o.Meta.ContentType)
	if o.Meta.ContentType == "" {
		h.Set("Content-Type", "binary/octet-stream")
	}
	for name, value := range o.Meta.Headers {
		h.Set(name, value)
	}
	for name, value := range o.Meta.User {
		// Clients look for their names in lower case, and HTTP/1 sends what is here.
		h["x-amz-meta-"+name] = []string{value}
	}
	for parameter, name := range overrides {
		if v := c.q.Get(parameter); v != "" {
			h.Set(name, v)
		}
	}
	h.Set("X-Content-Type-Options", "nosniff")
	if c.who.Presigned && !isInert(h.Get("Content-Type")) {
		h.Set("Content-Disposition", asAttachment(h.Get("Content-Disposition")))
	}
}

// setChecksum tells what o was put with.
func setChecksum(h http.Header, sum diskobject.Checksum) {
	if sum.Value != "" {
		h.Set(header(sum.Algorithm), sum.Value)
		h.Set(checksumPrefix+"Type", checksumType(sum))
	}
}

func checksumType(sum diskobject.Checksum) string {
	if sum.Composite {
		return "COMPOSITE"
	}
	return "FULL_OBJECT"
}

// evaluate says whether what the headers with the given prefix ask of o holds: 304 if
// the caller has it already, fault.PreconditionFailed if it does not hold.
//
// Source: RFC 9110, section 13.2.2.
func evaluate(h http.Header, prefix string, o diskobject.Object) (int, error) {
	failed := fault.New(fault.PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
	modified := o.Modified.Truncate(time.Second)
	if match := h.Get(prefix + "If-Match"); match != "" {
		if !anyOf(match, o.ETag) {
			return 0, failed
		}
	} else if t, err := http.ParseTime(h.Get(prefix + "If-Unmodified-Since")); err == nil && modified.After(t) {
		return 0, failed
	}
	same := false
	if match := h.Get(prefix + "If-None-Match"); match != "" {
		same = anyOf(match, o.ETag)
	} else if t, err := http.ParseTime(h.Get(prefix + "If-Modified-Since")); err == nil {
		same = !modified.After(t)
	}
	switch {
	case !same:
		return http.StatusOK, nil
	case prefix != "":
		return 0, failed
	}
	return http.StatusNotModified, nil
}

// anyOf reports whether a list of ETags, quoted or not, has the one given.
func anyOf(list, etag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimPrefix(textproto.TrimString(one), "W/")
		if one == "*" || etagOf(one) == etag {
			return true
		}
	}
	return false
}

// span is a piece of an object.
type span struct{ start, size int64 }

// part returns the piece that the caller wants: a range, or one of the parts that the
// object was put in, unless number is 0.
func (c *call) part(r *diskobject.Reader, number int) (span, int, error) {
	if number > 0 {
		return c.numbered(r, number)
	}
	whole := span{0, r.Object.Size}
	text := c.r.Header.Get("Range")
	if since := c.r.Header.Get("If-Range"); since != "" && !anyOf(since, r.Object.ETag) {
		return whole, http.StatusOK, nil
	}
	s, found, ok := parseRange(text, r.Object.Size)
	switch {
	case !found:
		return whole, http.StatusOK, nil
	case !ok:
		c.w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", r.Object.Size))
		return span{}, 0, failure{"InvalidRange", http.StatusRequestedRangeNotSatisfiable, "The requested range is not satisfiable"}
	}
	return s, http.StatusPartialContent, nil
}

func (c *call) numbered(r *diskobject.Reader, n int) (span, int, error) {
	if r.Object.Parts > 0 {
		c.w.Header().Set("X-Amz-Mp-Parts-Count", strconv.Itoa(r.Object.Parts))
	}
	if start, size, ok := r.Part(n); ok && size > 0 {
		return span{start, size}, http.StatusPartialContent, nil
	}
	if n == 1 && r.Object.Parts == 0 { // all of it is its first part
		if r.Object.Size == 0 {
			return span{}, http.StatusOK, nil
		}
		return span{0, r.Object.Size}, http.StatusPartialContent, nil
	}
	return span{}, 0, failure{"InvalidPartNumber", http.StatusRequestedRangeNotSatisfiable, "The requested partnumber is not satisfiable"}
}

// parseRange reads one range of bytes. As at S3, a header that is not understood, or
// that asks for several ranges, is not there; found says whether one is.
func parseRange(text string, size int64) (s span, found, ok bool) {
	text, isBytes := strings.CutPrefix(text, "bytes=")
	from, to, dash := strings.Cut(text, "-")
	if !isBytes || !dash {
		return span{}, false, false
	}
	if from == "" { // the last so many
		n, err := strconv.ParseUint(to, 10, 63)
		if err != nil {
			return span{}, false, false
		}
		n = min(n, uint64(size))                             // not negative
		return span{size - int64(n), int64(n)}, true, n != 0 // 63 bits
	}
	start, err := strconv.ParseUint(from, 10, 63)
	end := uint64(1<<63 - 1)
	if err == nil && to != "" {
		end, err = strconv.ParseUint(to, 10, 63)
	}
	if err != nil || end < start {
		return span{}, false, false
	}
	if start >= uint64(size) { // not negative
		return span{}, true, false
	}
	end = min(end, uint64(size)-1)                              // not negative
	return span{int64(start), int64(end-start) + 1}, true, true // 63 bits
}

// send writes size bytes from where r is, as r verifies them.
func (c *call) send(r *diskobject.Reader, size int64) error {
	for size > 0 {
		text, err := r.Next(int(min(size, sendSize)))
		if err == io.EOF { // readers return io.EOF itself
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if _, err := c.w.Write(text); err != nil {
			return err
		}
		size -= int64(len(text))
	}
	return nil
}

// sendSize is how much is written at a time. Each write has a deadline of its own.
const sendSize = 128 << 10
