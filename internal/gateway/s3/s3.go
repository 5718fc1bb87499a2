// Package s3 is the embedded S3 endpoint: files in and out, by signed requests and by
// pre-signed links.
//
// In come S3's HTTP requests, in path style; out go S3's replies, and its XML for errors.
// Objects are kept in a diskobject.Store. The subset is what carrying import files needs:
//
//	service   ListBuckets
//	bucket    CreateBucket HeadBucket DeleteBucket GetBucketLocation
//	          ListObjects ListObjectsV2 ListMultipartUploads DeleteObjects
//	object    PutObject GetObject HeadObject DeleteObject CopyObject
//	upload    CreateMultipartUpload UploadPart UploadPartCopy ListParts
//	          CompleteMultipartUpload AbortMultipartUpload
//
// Everything else is answered NotImplemented, never taken for something else. Every
// request is verified; a caller sees the buckets of its own account only.
//
// Promised is that nothing of a body is kept unless all of it arrived and each of
// its checks held: the signature's hash, Content-MD5, and the x-amz-checksum that came
// as a header or a trailer; and that no condition, checksum or size that a caller gives is
// ignored: it is checked, or the request is refused. Bodies are streams; what is held in memory is one buffer,
// or a small XML document.
//
// Source: Amazon S3 API Reference.
package s3

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/sluicehq/sluice/internal/diskspace"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/wire"
)

const service = "s3" // the signing name

// Options of a Handler; the zero value works.
type Options struct {
	Logger    *slog.Logger // nil means silence
	MaxObject int64        // the largest body of one request; 0 means S3's 5 TiB
	// MaxLinked is the largest body of a request by a presigned link; 0 means MaxObject.
	// The user of a link has no key.
	MaxLinked int64
	// UploadsPerAccount and UploadsPerLink are how many bodies of objects and parts may
	// arrive at once; 0 is no limit.
	UploadsPerAccount, UploadsPerLink int
	// Space grants disk space to uploads; nil has no limit.
	Space *diskspace.Watcher
	// Observe, unless nil, is told how each request went.
	Observe func(context.Context, wire.Done)
}

// Handler speaks S3.
type Handler struct {
	store    *diskobject.Store
	verifier *sigv4.Verifier
	o        Options
	uploads  *uploadCounts
}

// New returns a Handler of the objects in store, for the callers that v verifies.
func New(store *diskobject.Store, v *sigv4.Verifier, o Options) *Handler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxObject == 0 {
		o.MaxObject = 5 << 40
	}
	if o.MaxLinked == 0 {
		o.MaxLinked = o.MaxObject
	}
	return &Handler{store: store, verifier: v, o: o, uploads: &uploadCounts{perAccount: o.UploadsPerAccount, perLink: o.UploadsPerLink}}
}

// call is one request on its way.
type call struct {
	*Handler
	w        http.ResponseWriter
	r        *http.Request
	q        url.Values
	sig      *sigv4.Signature
	who      sigv4.Identity
	id       string // of the request
	bucket   string
	key      string
	level    level
	trailers http.Header // that HTTP announces, which no signature covers
	replied  bool        // the head of the reply is out: an error can only cut it off

	space *diskspace.Reservation // what the body may take of the disk
}

// level is what a path is about.
type level int

const (
	atService level = iota
	atBucket
	atObject
)

// ServeSigned answers r, whose signature Parse returned as sig.
func (h *Handler) ServeSigned(w http.ResponseWriter, r *http.Request, sig *sigv4.Signature) {
	r = r.WithContext(r.Context()) // a copy: net/http looks at its own to see if the body was asked for
	c := &call{Handler: h, r: r, sig: sig, id: requestID(w)}
	c.w = &reply{ResponseWriter: w, call: c}
	w.Header().Set("X-Amz-Request-Id", c.id)
	name, err := c.serve()
	status := http.StatusOK
	if err != nil {
		status = c.fail(err)
	}
	if h.o.Observe != nil {
		h.o.Observe(r.Context(), wire.Done{
			API: service, Operation: name, Status: status, Err: err,
			Account: c.who.Account, AccessKey: c.who.AccessKey,
		})
	}
	if err != nil && c.replied && status == http.StatusOK && r.Context().Err() == nil {
		// What is left of the object cannot be sent: the caller must not take what it
		// has for the whole.
		panic(http.ErrAbortHandler)
	}
}

// requestID returns the id that the gateway has given to the request, or a new one.
func requestID(w http.ResponseWriter) string {
	if id := w.Header().Get("X-Amz-Request-Id"); id != "" {
		return id
	}
	return uuid.NewString()
}

// serve finds the operation, who is asking and what for, and runs it.
func (c *call) serve() (string, error) {
	if err := c.address(); err != nil {
		return "Unknown", err
	}
	op, err := c.operation()
	c.trailers = c.r.Trailer
	length := c.r.Header.Get("Content-Length") != "" || c.r.ContentLength != 0
	// botocore waits for ever for this, though it has nothing to send.
	if c.r.ContentLength == 0 && strings.EqualFold(c.r.Header.Get("Expect"), "100-continue") {
		c.w.WriteHeader(http.StatusContinue)
	}
	if c.r.Body != nil && c.r.Body != http.NoBody {
		c.r.Body = received{c.r.Body}
	}
	// Who is not known is told nothing, not even what we cannot do.
	who, verifyErr := c.verifier.Verify(c.r, c.sig, service)
	if verifyErr != nil {
		return op.name, verifyErr
	}
	c.who = who
	if err != nil && !who.Presigned {
		return op.name, err
	}
	if err := c.checkRepeated(); err != nil {
		return op.name, err
	}
	if who.Presigned {
		if err := c.readLink(); err != nil {
			return op.name, err
		}
		op, err = c.operation() // a header of the link may have changed it
	}
	if err != nil {
		return op.name, err
	}
	return op.name, c.run(op, length)
}

// run checks what is the same for all operations, then runs op. length reports whether
// the caller said how long its body is.
func (c *call) run(op *operation, length bool) error {
	if c.level != atService && !op.makesBucket {
		if _, err := c.store.Bucket(c.r.Context(), c.who.Account, c.bucket); err != nil {
			return err
		}
	}
	if err := c.checkOwner(); err != nil {
		return err
	}
	if err := c.checkText(); err != nil {
		return err
	}
	if err := c.checkWithoutEffect(); err != nil {
		return err
	}
	if err := op.checkArguments(c.q); err != nil {
		return err
	}
	if op.streams {
		if err := c.checkBody(length); err != nil {
			return err
		}
		release, err := c.uploads.begin(c.who.Account, c.q.Get("X-Amz-Signature"))
		if err != nil {
			return err
		}
		defer release()
		if err := c.reserve(); err != nil {
			return err
		}
		defer c.space.Release()
	}
	if err := c.checkConditional(op); err != nil {
		return err
	}
	if err := c.checkChecksumHeaders(op); err != nil {
		return err
	}
	if !op.streams && !op.document && c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		if err := c.discardBody(); err != nil {
			return err
		}
	}
	return op.serve(c)
}

// address reads bucket and key, from the path as it came: a %2F in a key is no slash
// between keys.
func (c *call) address() error {
	q, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return failure{"InvalidURI", http.StatusBadRequest, "Couldn't parse the specified URI."}
	}
	c.q = q
	path := strings.TrimPrefix(c.r.URL.EscapedPath(), "/")
	bucket, key, _ := strings.Cut(path, "/")
	if c.bucket, err = url.PathUnescape(bucket); err == nil {
		c.key, err = url.PathUnescape(key)
	}
	switch {
	case err != nil:
		return failure{"InvalidURI", http.StatusBadRequest, "Couldn't parse the specified URI."}
	case !utf8.ValidString(c.bucket) || !utf8.ValidString(c.key):
		return failure{"InvalidURI", http.StatusBadRequest, "Couldn't parse the specified URI: it is not UTF-8."}
	case len(c.key) > diskobject.MaxKey:
		return diskobject.ErrKeyTooLong
	case c.key != "" && c.bucket != "":
		c.level = atObject
	case c.bucket != "":
		c.level = atBucket
	}
	return nil
}

func (c *call) name() object.Name {
	return object.Name{Account: c.who.Account, Bucket: c.bucket, Key: c.key}
}

// checkBody refuses a body that nobody will want, before it is read. length tells
// whether the caller said how long it is.
func (c *call) checkBody(length bool) error {
	if !length {
		return failure{"MissingContentLength", http.StatusLengthRequired, "You must provide the Content-Length HTTP header."}
	}
	if c.r.ContentLength > c.maxBody() {
		return errTooLarge
	}
	if values, given := c.r.Header[decodedLength]; given {
		// Of an aws-chunked body this is the length by now; of another one it must be the same.
		n, ok := wholeNumber(strings.Join(values, ","))
		if !ok || n != c.r.ContentLength {
			return invalidValue(decodedLength)
		}
	}
	return nil
}

// maxBody is the largest body that the caller may send.
func (c *call) maxBody() int64 {
	if c.who.Presigned {
		return min(c.o.MaxLinked, c.o.MaxObject)
	}
	return c.o.MaxObject
}

const decodedLength = "X-Amz-Decoded-Content-Length"

// reserve asks for the disk space of the body, before any of it is read.
func (c *call) reserve() (err error) {
	c.space, err = c.o.Space.Reserve(c.r.ContentLength)
	return err
}

// reply notes when the head goes out.
type reply struct {
	http.ResponseWriter
	call *call
}

func (w *reply) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *reply) WriteHeader(status int) {
	w.call.replied = w.call.replied || status >= http.StatusOK
	w.ResponseWriter.WriteHeader(status)
}

func (w *reply) Write(p []byte) (int, error) {
	w.call.replied = true
	return w.ResponseWriter.Write(p)
}

var errTooLarge = fault.New(fault.TooLarge, "Your proposed upload exceeds the maximum allowed object size.")
