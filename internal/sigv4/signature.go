package sigv4

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

// The query parameters of a presigned link.
const (
	paramAlgorithm     = "X-Amz-Algorithm"
	paramCredential    = "X-Amz-Credential"
	paramDate          = "X-Amz-Date"
	paramExpires       = "X-Amz-Expires"
	paramSignedHeaders = "X-Amz-SignedHeaders"
	paramSignature     = "X-Amz-Signature"
	paramToken         = "X-Amz-Security-Token"
	paramContentHash   = "X-Amz-Content-Sha256"
)

// maxExpiry is how long a presigned link may be good for, at AWS and here.
const maxExpiry = 7 * 24 * time.Hour

// Signature is what a request says about its own signature, before any of it is verified:
// good for routing, and for Verifier.Verify.
type Signature struct {
	accessKey string
	date      string // of the scope, YYYYMMDD
	region    string
	service   string
	at        string // when it was signed, as in X-Amz-Date
	time      time.Time
	expires   time.Duration // of a presigned link
	presigned bool
	signed    []string // names of the signed headers, lower case, sorted
	signature string   // 64 lower-case hex digits
	hash      string   // x-amz-content-sha256, "" if absent
	query     []parameter
	err       error // why it cannot be verified; nil if nothing is wrong so far
}

// Parse reads the signature of r, from its Authorization header or its presigned link.
// It takes r as the server received it, before anything rewrites its path, query or
// headers. What is missing or malformed is reported by Verify.
func Parse(r *http.Request) *Signature {
	query, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return &Signature{err: err}
	}
	sig, err := parseSignature(r, query)
	sig.query, sig.err = query, err
	return &sig
}

// Service returns the service that the request says it is signed for; "" if it says
// none that can be read. Nothing is verified yet.
func (sig *Signature) Service() string { return sig.service }

// scope returns what the signing key is bound to.
func (sig *Signature) scope() string {
	return sig.date + "/" + sig.region + "/" + sig.service + "/" + terminator
}

// parseSignature finds the signature of r in its header or its link. On an error the
// Signature holds what could be read before.
func parseSignature(r *http.Request, query []parameter) (Signature, error) {
	link := linkOf(query)
	header := r.Header["Authorization"]
	switch {
	case len(header) > 1 || len(header) == 1 && link != nil:
		return Signature{}, refuse(TwoMechanisms, fault.BadSignature,
			"Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter or the Authorization header should be specified")
	case link != nil:
		sig, err := parseLink(link)
		if h := r.Header.Get("X-Amz-Content-Sha256"); h != "" {
			sig.hash = h
		}
		return sig, err
	case len(header) == 1 && header[0] != "":
		return parseHeader(r, header[0])
	case slices.ContainsFunc(query, func(p parameter) bool { return p.name == "AWSAccessKeyId" }):
		return Signature{}, errVersion2()
	}
	return Signature{}, fault.New(fault.Unauthenticated, "Missing Authentication Token")
}

func errVersion2() error {
	return refuse(Version2, fault.BadSignature, "The authorization mechanism you have provided is not supported. "+
		"Signature Version 2 is not accepted here: sign with Signature Version 4 (%s).", algorithm)
}

// unsupported refuses an Authorization header of another scheme.
func unsupported(scheme string, kind fault.Kind, format string, args ...any) error {
	return explain(refuse(UnsupportedScheme, kind, format, args...), serviceS3,
		Detail{"ArgumentName", "Authorization"}, Detail{"ArgumentValue", scheme})
}

// parseHeader reads
//
//	AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=a;b, Signature=HEX
func parseHeader(r *http.Request, header string) (Signature, error) {
	scheme, rest, _ := strings.Cut(header, " ")
	switch {
	case scheme == "AWS":
		return Signature{}, errVersion2()
	case strings.HasPrefix(scheme, "AWS4-") && scheme != algorithm:
		return Signature{}, unsupported(scheme, fault.BadSignature, "Unsupported signing algorithm %q: use %s", scheme, algorithm)
	case scheme != algorithm:
		return Signature{}, unsupported(scheme, fault.Unauthenticated, "Missing Authentication Token: sign with Signature Version 4 (%s)", algorithm)
	}
	a := parseAuthorization(rest)
	sig := Signature{hash: r.Header.Get("X-Amz-Content-Sha256")}
	badCredential := sig.setCredential(a.credential.value) // first, so that an error is its service's
	if !a.wellFormed {
		return sig, sig.malformed("Invalid key=value pair (missing equal-sign or given twice) in Authorization header")
	}
	if name := a.missing(); name != "" {
		return sig, sig.malformed("Authorization header requires '%s' parameter.", name)
	}
	if badCredential != nil {
		return sig, badCredential
	}
	if r.Header.Get("X-Amz-Security-Token") != "" {
		return sig, errToken()
	}
	if err := sig.setDate(headerDate(r)); err != nil {
		return sig, err
	}
	return sig, sig.setSignature(a.signedHeaders.value, a.signature.value)
}

// headerDate returns X-Amz-Date, or the Date header in the form of X-Amz-Date.
func headerDate(r *http.Request) string {
	if at := r.Header.Get("X-Amz-Date"); at != "" {
		return at
	}
	date := r.Header.Get("Date")
	if t, err := http.ParseTime(date); err == nil {
		return t.UTC().Format(stamp)
	}
	return date
}

// linkOf returns the parameters that make a presigned link, nil if query is of no such
// link.
func linkOf(query []parameter) []parameter {
	var link []parameter
	marked := false
	for _, p := range query {
		switch p.name {
		case paramAlgorithm, paramCredential, paramSignature:
			marked = true
			fallthrough
		case paramDate, paramExpires, paramSignedHeaders, paramToken, paramContentHash:
			link = append(link, p)
		}
	}
	if !marked {
		return nil
	}
	return link
}

func parseLink(link []parameter) (Signature, error) {
	parts := map[string]string{}
	for _, p := range link {
		if _, twice := parts[p.name]; twice {
			return Signature{}, refuse(MalformedLink, fault.BadSignature, "AWS query-string parameter '%s' is given twice.", p.name)
		}
		parts[p.name] = p.value
	}
	sig := Signature{presigned: true, hash: parts[paramContentHash]}
	badCredential := sig.setCredential(parts[paramCredential]) // first, so that an error is its service's
	for _, name := range []string{paramAlgorithm, paramCredential, paramDate, paramExpires, paramSignedHeaders, paramSignature} {
		if parts[name] == "" {
			return sig, sig.malformed("AWS query-string parameters must include '%s'.", name)
		}
	}
	if a := parts[paramAlgorithm]; a != algorithm {
		return sig, sig.malformed("Unsupported signing algorithm %q: use %s", a, algorithm)
	}
	if badCredential != nil {
		return sig, badCredential
	}
	if parts[paramToken] != "" {
		return sig, errToken()
	}
	if err := sig.setDate(parts[paramDate]); err != nil {
		return sig, err
	}
	seconds, err := strconv.ParseUint(parts[paramExpires], 10, 32)
	sig.expires = time.Duration(seconds) * time.Second // 32 bits fit
	if err != nil || seconds == 0 || sig.expires > maxExpiry {
		return sig, sig.malformed("X-Amz-Expires must be between 1 and %d seconds.", int(maxExpiry.Seconds()))
	}
	return sig, sig.setSignature(parts[paramSignedHeaders], parts[paramSignature])
}

// errToken refuses session tokens: nobody here issues them.
func errToken() error {
	return refuse(InvalidToken, fault.UnknownKey, "The security token included in the request is invalid.")
}

// setCredential reads KEY/DATE/REGION/SERVICE/aws4_request. A key may hold slashes.
func (sig *Signature) setCredential(s string) error {
	parts := strings.Split(s, "/")
	n := len(parts) - 4
	if n < 1 || slices.Contains(parts[n:], "") || parts[0] == "" {
		return sig.malformed("Credential must have at least 5 slash-delimited elements: "+
			"<access-key>/YYYYMMDD/<region>/<service>/%s", terminator)
	}
	sig.accessKey, sig.date, sig.region, sig.service = strings.Join(parts[:n], "/"), parts[n], parts[n+1], parts[n+2]
	if end := parts[n+3]; end != terminator {
		if sig.service != serviceS3 { // without its end a scope may begin anywhere
			sig.service = ""
		}
		return sig.malformed("Credential should be scoped with a valid terminator: '%s', not '%s'.", terminator, end)
	}
	if !ValidRegion(sig.region) {
		return sig.malformed("Credential should be scoped to a valid region: 1 to %d of a-z, 0-9 and '-'.", MaxRegion)
	}
	return nil
}

// MaxRegion is the most characters that the name of a region may have.
const MaxRegion = 64

// ValidRegion reports whether s can be the name of a region. Jobs and lists belong to a
// region, so any other name would be a place that nobody finds again.
func ValidRegion(s string) bool {
	return s != "" && len(s) <= MaxRegion && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	}) < 0
}

func (sig *Signature) setDate(s string) error {
	if s == "" && !sig.presigned {
		return refuse(MissingDate, fault.BadSignature, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	t, err := time.Parse(stamp, s)
	if err != nil || len(s) != len(stamp) {
		reason := MissingDate
		if sig.presigned {
			reason = MalformedLink
		}
		return refuse(reason, fault.BadSignature, "Date must be in ISO-8601 'basic format'. Got '%s'.", s)
	}
	if sig.date != s[:day] {
		return sig.malformed("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s'.", sig.date, s[:day])
	}
	sig.at, sig.time = s, t
	return nil
}

func (sig *Signature) setSignature(signed, signature string) error {
	sig.signed = strings.Split(signed, ";")
	for i, name := range sig.signed {
		if name == "" || name != strings.ToLower(name) || i > 0 && name <= sig.signed[i-1] {
			return sig.malformed("SignedHeaders must be lower case, sorted, and each name only once.")
		}
	}
	// Anything but 64 lower-case hex digits cannot be the signature, and is refused with it.
	sig.signature = signature
	return nil
}
