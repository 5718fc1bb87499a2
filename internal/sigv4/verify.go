package sigv4

import (
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

// Options of a Verifier; the zero value works.
type Options struct {
	Skew       time.Duration    // how far a caller's clock may be off; 0 means 15 minutes, as at AWS
	MaxBody    int64            // the largest body of a service other than S3; 0 means 1 MiB
	MaxLoading int64            // of all bodies at once that are read before their signature is verified; 0 means 32 MiB
	Now        func() time.Time // nil means time.Now
}

// Verifier verifies requests. It may be used by many goroutines at a time.
type Verifier struct {
	lookup  Lookup
	o       Options
	keys    keyring
	loading *budget
}

// NewVerifier returns a Verifier of the keys that lookup knows.
func NewVerifier(lookup Lookup, o Options) *Verifier {
	if o.Skew == 0 {
		o.Skew = 15 * time.Minute
	}
	if o.MaxBody == 0 {
		o.MaxBody = 1 << 20
	}
	if o.MaxLoading == 0 {
		o.MaxLoading = 32 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Verifier{lookup: lookup, o: o, loading: newBudget(o.MaxLoading, o.MaxBody)}
}

// Verify returns who signed r, whose signature Parse returned as sig, for one of the
// services (signing names, as "ses", "wisdom", "s3"). A request signed for another
// service, and an anonymous one, is refused. Every refusal carries a fault kind, see
// the package comment; an error without one is a connection that broke.
//
// Verify takes r as Parse did, and prepares its body:
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
func (v *Verifier) Verify(r *http.Request, sig *Signature, services ...string) (Identity, error) {
	if sig.err != nil {
		return Identity{}, sig.err
	}
	if !slices.Contains(services, sig.service) {
		return Identity{}, sig.malformed("Credential should be scoped to correct service: '%s'.", strings.Join(services, "' or '"))
	}
	who, ok := v.lookup(sig.accessKey)
	if !ok || who.Secret == "" { // an empty secret is one that everybody knows
		return Identity{}, errUnknownKey(sig)
	}
	if err := v.checkTime(sig); err != nil {
		return Identity{}, err
	}
	if err := checkCovered(r, sig); err != nil {
		return Identity{}, err
	}
	release, err := v.admit(r, sig)
	if err != nil {
		return Identity{}, err
	}
	defer release()
	payload, err := v.payload(r, sig)
	if err != nil {
		return Identity{}, err
	}

	id := scopedKey{who.Secret, sig.date, sig.region, sig.service}
	key := v.keys.get(id)
	if !matches(r, sig, payload, key) {
		return Identity{}, sig.mismatch(r, payload)
	}
	v.keys.put(id, key)
	if err := v.guard(r, sig, key); err != nil {
		return Identity{}, err
	}
	return Identity{
		Account: who.Account, AccessKey: sig.accessKey,
		Region: sig.region, Service: sig.service, Presigned: sig.presigned,
	}, nil
}

// errUnknownKey says it in the words of the service that was called.
func errUnknownKey(sig *Signature) error {
	if sig.service == serviceS3 {
		return explain(fault.New(fault.UnknownKey, "The AWS Access Key Id you provided does not exist in our records."),
			sig.service, Detail{"AWSAccessKeyId", sig.accessKey})
	}
	return fault.New(fault.UnknownKey, "The security token included in the request is invalid.")
}

// checkTime refuses what was signed too long ago, or in the future.
func (v *Verifier) checkTime(sig *Signature) error {
	now := v.o.Now().UTC()
	early, late := now.Add(-v.o.Skew), now.Add(v.o.Skew)
	switch {
	case sig.presigned && now.After(sig.time.Add(sig.expires)):
		return v.expired(sig)
	case sig.service == serviceS3 && (sig.time.After(late) || !sig.presigned && sig.time.Before(early)):
		return v.skewed(sig)
	case sig.time.After(late):
		return fault.New(fault.Skewed, "Signature not yet current: %s is still later than %s (%s + %v min.)",
			sig.at, late.Format(stamp), now.Format(stamp), v.o.Skew.Minutes())
	case !sig.presigned && sig.time.Before(early):
		return fault.New(fault.Skewed, "Signature expired: %s is now earlier than %s (%s - %v min.)",
			sig.at, early.Format(stamp), now.Format(stamp), v.o.Skew.Minutes())
	}
	return nil
}

// checkCovered demands that all is signed that has to be, and that all is there that
// was signed.
func checkCovered(r *http.Request, sig *Signature) error {
	if !slices.Contains(sig.signed, "host") {
		return explain(refuse(UnsignedHeader, fault.BadSignature, "'Host' must be a 'SignedHeader' in the AWS Authorization."),
			sig.service, Detail{"HeadersNotSigned", "host"})
	}
	var unsigned []string
	for name := range r.Header {
		if !isAmz(name) { // most are not
			continue
		}
		if name = lowerName(name); !slices.Contains(sig.signed, name) {
			unsigned = append(unsigned, name)
		}
	}
	if unsigned != nil {
		slices.Sort(unsigned)
		names := strings.Join(unsigned, ", ")
		return explain(refuse(UnsignedHeader, fault.BadSignature, "There were headers present in the request which were not signed: %s", names),
			sig.service, Detail{"HeadersNotSigned", names})
	}
	for _, name := range sig.signed {
		if _, ok := headerValues(r, name); !ok {
			return refuse(Mismatch, fault.BadSignature, "The signed header '%s' is not in the request.", name)
		}
	}
	return nil
}

func isAmz(name string) bool {
	const prefix = "x-amz-"
	return len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

// matches reports whether the signature is that of r. A client may spell its path
// other than AWS does ("+" for "%2B") and yet sign AWS's spelling, as AWS wants it.
func matches(r *http.Request, sig *Signature, payload string, key []byte) bool {
	path := wirePath(r)
	if sig.signs(key, canonicalHash(r, path, sig, payload)) {
		return true
	}
	spelled := respell(path)
	return spelled != path && sig.signs(key, canonicalHash(r, spelled, sig, payload))
}

func (sig *Signature) signs(key []byte, hash [32]byte) bool {
	sum := signature(key, sig, hash)
	return subtle.ConstantTimeCompare(sum[:], []byte(sig.signature)) == 1
}
