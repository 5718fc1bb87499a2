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

// Verify returns who signed r, for one of the services (signing names, as "ses",
// "wisdom", "s3"). A request signed for another service, and an anonymous one, is
// refused. Every refusal carries a fault kind, see the package comment; an error
// without one is a connection that broke.
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
	query, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return Identity{}, err
	}
	c, err := readClaim(r, query)
	if err != nil {
		return Identity{}, err
	}
	if !slices.Contains(services, c.service) {
		return Identity{}, c.malformed("Credential should be scoped to correct service: '%s'.", strings.Join(services, "' or '"))
	}
	who, ok := v.lookup(c.accessKey)
	if !ok || who.Secret == "" { // an empty secret is one that everybody knows
		return Identity{}, errUnknownKey(&c)
	}
	if err := v.checkTime(&c); err != nil {
		return Identity{}, err
	}
	if err := checkCovered(r, &c); err != nil {
		return Identity{}, err
	}
	release, err := v.admit(r, &c)
	if err != nil {
		return Identity{}, err
	}
	defer release()
	payload, err := v.payload(r, &c)
	if err != nil {
		return Identity{}, err
	}

	id := scopedKey{who.Secret, c.date, c.region, c.service}
	key := v.keys.get(id)
	if !matches(r, query, &c, payload, key) {
		return Identity{}, c.mismatch(r, query, payload)
	}
	v.keys.put(id, key)
	if err := v.guard(r, &c, key); err != nil {
		return Identity{}, err
	}
	return Identity{
		Account: who.Account, AccessKey: c.accessKey,
		Region: c.region, Service: c.service, Presigned: c.presigned,
	}, nil
}

// ServiceOf returns the service that r says it is signed for, in header or link,
// before anything is verified; "" if it says none. It is for routing only, and reads
// no more of the claim than that.
func ServiceOf(r *http.Request) string {
	query, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return ""
	}
	link := linkOf(query)
	header := r.Header["Authorization"]
	var c claim // what is wrong with it is for Verify to say
	switch {
	case link != nil && len(header) == 0:
		c, _ = readLink(link)
	case link == nil && len(header) == 1:
		if scheme, rest, _ := strings.Cut(header[0], " "); scheme == algorithm {
			_ = c.setCredential(parseAuthorization(rest).credential.value)
		}
	}
	return c.service
}

// errUnknownKey says it in the words of the service that was called.
func errUnknownKey(c *claim) error {
	if c.service == serviceS3 {
		return explain(fault.New(fault.UnknownKey, "The AWS Access Key Id you provided does not exist in our records."),
			c.service, Detail{"AWSAccessKeyId", c.accessKey})
	}
	return fault.New(fault.UnknownKey, "The security token included in the request is invalid.")
}

// checkTime refuses what was signed too long ago, or in the future.
func (v *Verifier) checkTime(c *claim) error {
	now := v.o.Now().UTC()
	early, late := now.Add(-v.o.Skew), now.Add(v.o.Skew)
	switch {
	case c.presigned && now.After(c.time.Add(c.expires)):
		return v.expired(c)
	case c.service == serviceS3 && (c.time.After(late) || !c.presigned && c.time.Before(early)):
		return v.skewed(c)
	case c.time.After(late):
		return fault.New(fault.Skewed, "Signature not yet current: %s is still later than %s (%s + %v min.)",
			c.at, late.Format(stamp), now.Format(stamp), v.o.Skew.Minutes())
	case !c.presigned && c.time.Before(early):
		return fault.New(fault.Skewed, "Signature expired: %s is now earlier than %s (%s - %v min.)",
			c.at, early.Format(stamp), now.Format(stamp), v.o.Skew.Minutes())
	}
	return nil
}

// checkCovered demands that all is signed that has to be, and that all is there that
// was signed.
func checkCovered(r *http.Request, c *claim) error {
	if !slices.Contains(c.signed, "host") {
		return explain(refuse(UnsignedHeader, fault.BadSignature, "'Host' must be a 'SignedHeader' in the AWS Authorization."),
			c.service, Detail{"HeadersNotSigned", "host"})
	}
	var unsigned []string
	for name := range r.Header {
		if !isAmz(name) { // most are not
			continue
		}
		if name = lowerName(name); !slices.Contains(c.signed, name) {
			unsigned = append(unsigned, name)
		}
	}
	if unsigned != nil {
		slices.Sort(unsigned)
		names := strings.Join(unsigned, ", ")
		return explain(refuse(UnsignedHeader, fault.BadSignature, "There were headers present in the request which were not signed: %s", names),
			c.service, Detail{"HeadersNotSigned", names})
	}
	for _, name := range c.signed {
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
func matches(r *http.Request, query []parameter, c *claim, payload string, key []byte) bool {
	path := wirePath(r)
	if c.signs(key, canonicalHash(r, path, query, c, payload)) {
		return true
	}
	spelled := respell(path)
	return spelled != path && c.signs(key, canonicalHash(r, spelled, query, c, payload))
}

func (c *claim) signs(key []byte, hash [32]byte) bool {
	sum := signature(key, c, hash)
	return subtle.ConstantTimeCompare(sum[:], []byte(c.signature)) == 1
}
