package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
)

// Reason distinguishes refusals of one fault kind, for S3, which has an error name for
// each of them.
type Reason uint8

// The reasons.
const (
	MalformedHeader   Reason = iota + 1 // a part of the Authorization header is missing or unreadable
	MalformedLink                       // the same of a presigned link's query
	UnsupportedScheme                   // an Authorization header of another scheme
	TwoMechanisms                       // more than one signature
	MissingDate                         // neither X-Amz-Date nor Date is a date
	UnsignedHeader                      // a header that must be signed is not
	InvalidToken                        // a session token
	Version2                            // Signature Version 2
	Mismatch                            // the signature, or that of a chunk or trailer, does not match
	MissingHash                         // no x-amz-content-sha256
	InvalidHash                         // x-amz-content-sha256 is neither a hash nor one of the constants
	MissingLength                       // no x-amz-decoded-content-length, or no number
	IncompleteBody                      // aws-chunked framing is broken, or the length is another
	InvalidQuery                        // the query string cannot be decoded
	MalformedTrailer                    // a trailer is missing, not announced, or unreadable
)

// Refusal is an error of Verify, or of the body that it prepared. It wraps the fault.
type Refusal struct {
	Reason  Reason
	Details []Detail // what S3 adds to its error document; nothing for other services
	err     error
}

// Detail is an element of an S3 error document.
type Detail struct{ Name, Value string }

func (r *Refusal) Error() string { return r.err.Error() }

func (r *Refusal) Unwrap() error { return r.err }

func refuse(reason Reason, kind fault.Kind, format string, args ...any) error {
	return &Refusal{Reason: reason, err: fault.New(kind, format, args...)}
}

// explain adds details to a Refusal of a request to S3.
func explain(err error, service string, details ...Detail) error {
	if service != serviceS3 {
		return err
	}
	if r, ok := err.(*Refusal); ok {
		r.Details = append(r.Details, details...)
		return r
	}
	return &Refusal{Details: details, err: err}
}

// malformed refuses the form of a signature, in the header or in the link.
func (sig *Signature) malformed(format string, args ...any) error {
	if sig.presigned {
		return refuse(MalformedLink, fault.BadSignature, format, args...)
	}
	return refuse(MalformedHeader, fault.BadSignature, format, args...)
}

// mismatch refuses a signature, and shows S3's callers what was signed here: all of it
// is what they sent.
func (sig *Signature) mismatch(r *http.Request, payload string) error {
	err := refuse(Mismatch, fault.BadSignature, "The request signature we calculated does not match the signature you provided. "+
		"Check your AWS Secret Access Key and signing method.")
	if sig.service != serviceS3 {
		return err
	}
	canonical := appendCanonicalRequest(nil, r, wirePath(r), sig, payload)
	text := string(appendStringToSign(nil, sig, sha256.Sum256(canonical)))
	return explain(err, sig.service,
		Detail{"AWSAccessKeyId", sig.accessKey},
		Detail{"StringToSign", text}, Detail{"SignatureProvided", sig.signature}, Detail{"StringToSignBytes", hexPairs([]byte(text))},
		Detail{"CanonicalRequest", string(canonical)}, Detail{"CanonicalRequestBytes", hexPairs(canonical)})
}

// hexPairs writes b as S3 writes the bytes of a text: "47 45 54".
func hexPairs(b []byte) string {
	var s strings.Builder
	s.Grow(3 * len(b))
	for i := range b {
		if i > 0 {
			s.WriteByte(' ')
		}
		s.WriteString(hex.EncodeToString(b[i : i+1]))
	}
	return s.String()
}

const isoTime = "2006-01-02T15:04:05Z"

// expired refuses a link whose time is over.
func (v *Verifier) expired(sig *Signature) error {
	return explain(fault.New(fault.Expired, "Request has expired"), sig.service,
		Detail{"X-Amz-Expires", strconv.Itoa(int(sig.expires.Seconds()))},
		Detail{"Expires", sig.time.Add(sig.expires).Format(isoTime)},
		Detail{"ServerTime", v.o.Now().UTC().Format(isoTime)})
}

// skewed refuses what an S3 client signed by another clock.
func (v *Verifier) skewed(sig *Signature) error {
	return explain(fault.New(fault.Skewed, "The difference between the request time and the current time is too large."), sig.service,
		Detail{"RequestTime", sig.at}, Detail{"ServerTime", v.o.Now().UTC().Format(isoTime)},
		Detail{"MaxAllowedSkewMilliseconds", strconv.FormatInt(v.o.Skew.Milliseconds(), 10)})
}
