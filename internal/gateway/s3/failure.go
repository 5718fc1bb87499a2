package s3

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/sigv4"
)

// failure is an error in S3's words.
type failure struct {
	code    string
	status  int
	message string
}

func (f failure) Error() string { return f.code + ": " + f.message }

// byError are the errors that S3 tells apart within a kind.
var byError = []struct {
	err    error
	code   string
	status int
}{
	{diskobject.ErrNoBucket, "NoSuchBucket", http.StatusNotFound},
	{diskobject.ErrNoUpload, "NoSuchUpload", http.StatusNotFound},
	{diskobject.ErrKeyTooLong, "KeyTooLongError", http.StatusBadRequest},
	{diskobject.ErrPartSmall, "EntityTooSmall", http.StatusBadRequest},
	{diskobject.ErrPart, "InvalidPart", http.StatusBadRequest},
	{diskobject.ErrPartOrder, "InvalidPartOrder", http.StatusBadRequest},
}

// byKind are S3's names for the kinds; whatever is missing is ours, InternalError.
var byKind = map[fault.Kind]failure{
	fault.Invalid:            {"InvalidArgument", http.StatusBadRequest, ""},
	fault.NotFound:           {"NoSuchKey", http.StatusNotFound, "The specified key does not exist."},
	fault.AlreadyExists:      {"BucketAlreadyOwnedByYou", http.StatusConflict, ""},
	fault.Conflict:           {"BucketNotEmpty", http.StatusConflict, ""},
	fault.LimitExceeded:      {"SlowDown", http.StatusServiceUnavailable, ""},
	fault.Throttled:          {"SlowDown", http.StatusServiceUnavailable, ""},
	fault.Denied:             {"AccessDenied", http.StatusForbidden, ""},
	fault.BadToken:           {"InvalidArgument", http.StatusBadRequest, ""},
	fault.Malformed:          {"MalformedXML", http.StatusBadRequest, ""},
	fault.UnknownOperation:   {"NotImplemented", http.StatusNotImplemented, ""},
	fault.TooLarge:           {"EntityTooLarge", http.StatusBadRequest, ""},
	fault.Unauthenticated:    {"AccessDenied", http.StatusForbidden, "Access Denied"},
	fault.UnknownKey:         {"InvalidAccessKeyId", http.StatusForbidden, ""},
	fault.BadSignature:       {"SignatureDoesNotMatch", http.StatusForbidden, ""},
	fault.Expired:            {"AccessDenied", http.StatusForbidden, ""},
	fault.Skewed:             {"RequestTimeTooSkewed", http.StatusForbidden, ""},
	fault.BodyMismatch:       {"XAmzContentSHA256Mismatch", http.StatusBadRequest, ""},
	fault.PreconditionFailed: {"PreconditionFailed", http.StatusPreconditionFailed, ""},
	fault.Unavailable:        {"ServiceUnavailable", http.StatusServiceUnavailable, ""},
	fault.StorageFull:        {"InsufficientStorage", http.StatusInsufficientStorage, ""},
	fault.Damaged:            {"InternalError", http.StatusInternalServerError, ""},
	fault.Canceled:           {"RequestCanceled", fault.StatusCanceled, ""},
	fault.DeadlineExceeded:   {"RequestTimeout", http.StatusGatewayTimeout, ""},
	fault.Overloaded:         {"SlowDown", http.StatusServiceUnavailable, ""},
	fault.RequestTimeout:     {"RequestTimeout", http.StatusBadRequest, ""},
}

// asFailure puts err into S3's words.
func (c *call) asFailure(err error) failure {
	var f failure
	if errors.As(err, &f) {
		return f
	}
	for _, e := range byError {
		if errors.Is(err, e.err) {
			return failure{e.code, e.status, e.err.Error()}
		}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errIncomplete
	}
	kind := fault.KindOf(err)
	f, ok := byKind[kind]
	if !ok {
		return failure{"InternalError", http.StatusInternalServerError, "We encountered an internal error. Please try again."}
	}
	var refusal *sigv4.Refusal
	if errors.As(err, &refusal) {
		if named, ok := byReason[refusal.Reason]; ok {
			f = named
		}
	}
	if f.message == "" {
		f.message = fault.Message(err)
	}
	return f
}

// errorBody is S3's form of an error.
type errorBody struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	Details   []detailElement
	Resource  string
	RequestID string `xml:"RequestId"`
}

// fail tells the caller what went wrong, if there is still a way to, and returns the
// status that it got.
func (c *call) fail(err error) int {
	f := c.asFailure(err)
	isLogged := fault.Is(err, fault.Damaged) // by the store
	if f.status >= http.StatusInternalServerError && f.code == "InternalError" && !isLogged && c.r.Context().Err() == nil {
		c.o.Logger.Error("s3 request failed", "request", c.id, "error", err)
	}
	if c.replied {
		return http.StatusOK
	}
	h := c.w.Header()
	if f.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	if c.r.Method == http.MethodHead { // the status has to say it all
		c.w.WriteHeader(f.status)
		return f.status
	}
	c.writeXML(f.status, errorBody{Code: f.code, Message: f.message, Details: detailsOf(err), Resource: c.r.URL.EscapedPath(), RequestID: c.id})
	return f.status
}

// writeXML sends a document. One that cannot be sent has no one to tell.
func (c *call) writeXML(status int, v any) {
	text, err := xml.Marshal(v)
	if err != nil {
		panic("s3: a reply that is no XML: " + err.Error())
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/xml")
	c.w.WriteHeader(status)
	_, _ = io.WriteString(c.w, xml.Header)
	_, _ = c.w.Write(text)
}
