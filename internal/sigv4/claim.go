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

// claim is what a request says about its own signature, before any of it is believed.
type claim struct {
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
}

// scope returns what the signing key is bound to.
func (c *claim) scope() string {
	return c.date + "/" + c.region + "/" + c.service + "/" + terminator
}

// readClaim finds the signature of r in its header or its link. On an error the claim
// holds what could be read before.
func readClaim(r *http.Request, query []parameter) (claim, error) {
	link := linkOf(query)
	header := r.Header["Authorization"]
	switch {
	case len(header) > 1 || len(header) == 1 && link != nil:
		return claim{}, refuse(TwoMechanisms, fault.BadSignature,
			"Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter or the Authorization header should be specified")
	case link != nil:
		c, err := readLink(link)
		if h := r.Header.Get("X-Amz-Content-Sha256"); h != "" {
			c.hash = h
		}
		return c, err
	case len(header) == 1 && header[0] != "":
		return readHeader(r, header[0])
	case slices.ContainsFunc(query, func(p parameter) bool { return p.name == "AWSAccessKeyId" }):
		return claim{}, errVersion2()
	}
	return claim{}, fault.New(fault.Unauthenticated, "Missing Authentication Token")
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

// readHeader reads
//
//	AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=a;b, Signature=HEX
func readHeader(r *http.Request, header string) (claim, error) {
	scheme, rest, _ := strings.Cut(header, " ")
	switch {
	case scheme == "AWS":
		return claim{}, errVersion2()
	case strings.HasPrefix(scheme, "AWS4-") && scheme != algorithm:
		return claim{}, unsupported(scheme, fault.BadSignature, "Unsupported signing algorithm %q: use %s", scheme, algorithm)
	case scheme != algorithm:
		return claim{}, unsupported(scheme, fault.Unauthenticated, "Missing Authentication Token: sign with Signature Version 4 (%s)", algorithm)
	}
	a := parseAuthorization(rest)
	c := claim{hash: r.Header.Get("X-Amz-Content-Sha256")}
	badCredential := c.setCredential(a.credential.value) // first, so that an error is its service's
	if !a.wellFormed {
		return c, c.malformed("Invalid key=value pair (missing equal-sign or given twice) in Authorization header")
	}
	if name := a.missing(); name != "" {
		return c, c.malformed("Authorization header requires '%s' parameter.", name)
	}
	if badCredential != nil {
		return c, badCredential
	}
	if r.Header.Get("X-Amz-Security-Token") != "" {
		return c, errToken()
	}
	if err := c.setDate(headerDate(r)); err != nil {
		return c, err
	}
	return c, c.setSignature(a.signedHeaders.value, a.signature.value)
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

func readLink(link []parameter) (claim, error) {
	parts := map[string]string{}
	for _, p := range link {
		if _, twice := parts[p.name]; twice {
			return claim{}, refuse(MalformedLink, fault.BadSignature, "AWS query-string parameter '%s' is given twice.", p.name)
		}
		parts[p.name] = p.value
	}
	c := claim{presigned: true, hash: parts[paramContentHash]}
	badCredential := c.setCredential(parts[paramCredential]) // first, so that an error is its service's
	for _, name := range []string{paramAlgorithm, paramCredential, paramDate, paramExpires, paramSignedHeaders, paramSignature} {
		if parts[name] == "" {
			return c, c.malformed("AWS query-string parameters must include '%s'.", name)
		}
	}
	if a := parts[paramAlgorithm]; a != algorithm {
		return c, c.malformed("Unsupported signing algorithm %q: use %s", a, algorithm)
	}
	if badCredential != nil {
		return c, badCredential
	}
	if parts[paramToken] != "" {
		return c, errToken()
	}
	if err := c.setDate(parts[paramDate]); err != nil {
		return c, err
	}
	seconds, err := strconv.ParseUint(parts[paramExpires], 10, 32)
	c.expires = time.Duration(seconds) * time.Second //nolint:gosec // 32 bits fit
	if err != nil || seconds == 0 || c.expires > maxExpiry {
		return c, c.malformed("X-Amz-Expires must be between 1 and %d seconds.", int(maxExpiry.Seconds()))
	}
	return c, c.setSignature(parts[paramSignedHeaders], parts[paramSignature])
}

// errToken refuses session tokens: nobody here issues them.
func errToken() error {
	return refuse(InvalidToken, fault.UnknownKey, "The security token included in the request is invalid.")
}

// setCredential reads KEY/DATE/REGION/SERVICE/aws4_request. A key may hold slashes.
func (c *claim) setCredential(s string) error {
	parts := strings.Split(s, "/")
	n := len(parts) - 4
	if n < 1 || slices.Contains(parts[n:], "") || parts[0] == "" {
		return c.malformed("Credential must have at least 5 slash-delimited elements: "+
			"<access-key>/YYYYMMDD/<region>/<service>/%s", terminator)
	}
	c.accessKey, c.date, c.region, c.service = strings.Join(parts[:n], "/"), parts[n], parts[n+1], parts[n+2]
	if end := parts[n+3]; end != terminator {
		if c.service != serviceS3 { // without its end a scope may begin anywhere
			c.service = ""
		}
		return c.malformed("Credential should be scoped with a valid terminator: '%s', not '%s'.", terminator, end)
	}
	if !ValidRegion(c.region) {
		return c.malformed("Credential should be scoped to a valid region: 1 to %d of a-z, 0-9 and '-'.", MaxRegion)
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

func (c *claim) setDate(s string) error {
	if s == "" && !c.presigned {
		return refuse(MissingDate, fault.BadSignature, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	t, err := time.Parse(stamp, s)
	if err != nil || len(s) != len(stamp) {
		reason := MissingDate
		if c.presigned {
			reason = MalformedLink
		}
		return refuse(reason, fault.BadSignature, "Date must be in ISO-8601 'basic format'. Got '%s'.", s)
	}
	if c.date != s[:day] {
		return c.malformed("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s'.", c.date, s[:day])
	}
	c.at, c.time = s, t
	return nil
}

func (c *claim) setSignature(signed, signature string) error {
	c.signed = strings.Split(signed, ";")
	for i, name := range c.signed {
		if name == "" || name != strings.ToLower(name) || i > 0 && name <= c.signed[i-1] {
			return c.malformed("SignedHeaders must be lower case, sorted, and each name only once.")
		}
	}
	// Anything but 64 lower-case hex digits cannot be the signature, and is refused with it.
	c.signature = signature
	return nil
}
