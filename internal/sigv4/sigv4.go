// Package sigv4 says who is asking: it verifies, and makes, AWS Signature Version 4.
//
// In comes a request as net/http hands it over. Parse reads its signature, which is good
// for routing and proves nothing; Verifier.Verify returns the Identity of the caller, or a
// fault that says what is wrong with the signature:
//
//	fault.Unauthenticated  no signature
//	fault.UnknownKey       an access key that Lookup does not know, or a session token
//	fault.BadSignature     another secret, something changed, something missing or unsigned
//	fault.Skewed           signed by a clock that is too far from ours
//	fault.Expired          a presigned link whose time is over
//	fault.BodyMismatch     a body that is not the one that was signed
//	fault.TooLarge         a body beyond Options.MaxBody
//	fault.Overloaded       too many bodies are being read, see Options.MaxLoading
//	fault.Invalid          a well signed header about the body that makes no sense
//	fault.Malformed        a query string that cannot be decoded
//
// Both forms are understood: the Authorization header, and the presigned link with
// its X-Amz-* query parameters. A signature covers method, path, query, host, every
// x-amz-* header, and the body:
//
//	x-amz-content-sha256                       the body is
//	<64 hex digits>                            hashed whole
//	UNSIGNED-PAYLOAD                           not covered (S3 and presigned links only; not
//	                                           refused without TLS, as AWS does not)
//	STREAMING-AWS4-HMAC-SHA256-PAYLOAD         in signed chunks (S3 only, as all below)
//	STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER in signed chunks, signed trailers after them
//	STREAMING-UNSIGNED-PAYLOAD-TRAILER         in bare chunks, trailers after them
//
// S3 bodies are checked while the handler reads them, and nothing of them is
// certain before io.EOF. All other bodies are small: they are read and checked
// before Verify returns.
//
// Sources: the IAM User Guide, "Create a signed AWS API request", and the Amazon S3
// API Reference, "Authenticating Requests (AWS Signature Version 4)".
package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
)

// UnsignedPayload as a payload hash leaves the body out of the signature.
const UnsignedPayload = "UNSIGNED-PAYLOAD"

// EmptyPayload is the payload hash of a request without a body.
const EmptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	stamp      = "20060102T150405Z" // ISO 8601 basic, as in X-Amz-Date
	day        = len("20060102")
	serviceS3  = "s3"
)

// Credentials are an access key, its secret, and the account that it belongs to. They
// print without the secret.
type Credentials struct {
	AccessKey string
	Secret    string
	Account   string
}

func (c Credentials) String() string {
	return "access key " + c.AccessKey + " of account " + c.Account
}

// GoString keeps the secret out of %#v.
func (c Credentials) GoString() string { return "sigv4.Credentials{" + c.String() + "}" }

// LogValue keeps the secret out of the log.
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(slog.String("key", c.AccessKey), slog.String("account", c.Account))
}

// Lookup returns the credentials of an access key; false if there are none. It is
// called by many requests at a time.
type Lookup func(accessKey string) (Credentials, bool)

// Identity is a verified caller: the account, the key it signed with, and the region
// and service it signed for.
type Identity struct {
	Account   string
	AccessKey string
	Region    string
	Service   string
	Presigned bool // the signature came with the link, not with a header
}

// HashPayload returns the payload hash of body, for Sign.
func HashPayload(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
