package sigv4

import (
	"net/http"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

// Options of a Verifier; the zero value works.
type Options struct {
	Skew    time.Duration    // how far a caller's clock may be off; 0 means 15 minutes, as at AWS
	MaxBody int64            // the largest body of a service other than S3; 0 means 10 MiB
	Now     func() time.Time // nil means time.Now
}

// Verifier verifies requests. It may be used by many goroutines at a time.
type Verifier struct {
	lookup Lookup
	o      Options
}

// NewVerifier returns a Verifier of the keys that lookup knows.
func NewVerifier(lookup Lookup, o Options) *Verifier {
	if o.Skew == 0 {
		o.Skew = 15 * time.Minute
	}
	if o.MaxBody == 0 {
		o.MaxBody = 10 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Verifier{lookup: lookup, o: o}
}

// Verify returns who signed r, for one of the services (signing names, as "ses",
// "wisdom", "s3"). A request signed for another service, and an anonymous one, is
// refused. Every error carries a fault kind; see the package comment.
//
// Verify takes r as the server received it, before anything rewrites its path, query
// or headers, and prepares its body:
//
//   - For services other than S3 the body has been read and checked. r.Body holds it
//     in memory, r.ContentLength is its length.
//   - For S3 r.Body checks while it is read. The Read that would return io.EOF
//     returns a fault.BodyMismatch instead when the body is not the signed one, so a
//     handler must read up to io.EOF before it acts on what it read.
//   - An aws-chunked S3 body comes out decoded: r.ContentLength is the decoded length
//     (-1 if the client did not send it), "aws-chunked" is gone from Content-Encoding,
//     and after io.EOF r.Trailer holds the trailers (X-Amz-Checksum-*), verified if
//     they were signed.
func (v *Verifier) Verify(r *http.Request, services ...string) (Identity, error) {
	return Identity{}, fault.New(fault.Unauthenticated, "Missing Authentication Token")
}

// ServiceOf returns the service that r says it is signed for, header or link, before
// anything is verified; "" if r carries no readable signature. It is for routing only.
func ServiceOf(r *http.Request) string {
	return ""
}
