package sigv4

import (
	"net/http"
	"net/url"
	"time"
)

// Sign signs r with an Authorization header, as of the time at. It sets X-Amz-Date
// and, for S3, X-Amz-Content-Sha256; host, Content-Type, Content-MD5 and all X-Amz-*
// headers are covered, so set them before. payloadHash is HashPayload of the body,
// EmptyPayload, or UnsignedPayload.
func Sign(r *http.Request, c Credentials, region, service, payloadHash string, at time.Time) {
}

// Presign returns u as a link that anyone may use with the given method from at until
// ttl later (one second to seven days). The signature covers host and the given
// headers, which the user of the link must then send as they are; headers may be nil.
// The body is not covered for S3 and has to be empty for all other services.
func Presign(method string, u *url.URL, c Credentials, region, service string, ttl time.Duration, headers http.Header, at time.Time) string {
	return ""
}
