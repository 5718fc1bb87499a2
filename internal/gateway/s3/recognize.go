package s3

import (
	"net/http"
	"strings"

	"github.com/sluicehq/sluice/internal/sigv4"
)

// IsS3 reports whether r, which matches no other API and whose signature Parse returned as
// sig, is meant for S3, so that an error has to be S3's XML. That is so if
//
//   - it is signed for S3, or for a variant of it, as s3express;
//   - it carries Signature Version 2, or a signature whose service cannot be read, in a
//     form that S3 clients use;
//   - it carries no readable signature and addresses something by a method other than POST, as a
//     link does that lost its query.
//
// A readable signature for another service is that service's: its clients expect JSON.
func IsS3(r *http.Request, sig *sigv4.Signature) bool {
	if r.Header.Get("X-Amz-Target") != "" {
		return false
	}
	signed := sig.Service()
	switch scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); {
	case signed != "":
		return signed == service || strings.HasPrefix(signed, service+"express")
	case scheme == "AWS": // Signature Version 2; other services have it in the query or the form
		return true
	case scheme != "" && r.Header.Get("X-Amz-Content-Sha256") != "", isLink(r):
		return true
	}
	return r.Method != http.MethodPost && r.URL.Path != "/"
}

// isLink reports whether r has the query of a presigned link of S3, of either version.
// Query APIs that use Signature Version 2 name that version, S3 does not.
func isLink(r *http.Request) bool {
	q := r.URL.Query()
	return q.Has("X-Amz-Credential") && q.Has("X-Amz-Signature") ||
		q.Has("AWSAccessKeyId") && q.Has("Signature") && !q.Has("SignatureVersion")
}
