package sigv4

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sign signs r with an Authorization header, as of the time at. It sets X-Amz-Date
// and, for S3, X-Amz-Content-Sha256; host, Content-Type, Content-MD5 and all X-Amz-*
// headers are covered, so set them before. payloadHash is HashPayload of the body,
// EmptyPayload, or UnsignedPayload.
//
// The path of r.URL is respelled as AWS spells it ("+" as "%2B"), because not every
// server accepts a signature over another spelling.
func Sign(r *http.Request, c Credentials, region, service, payloadHash string, at time.Time) {
	cl := newClaim(c, region, service, at)
	r.Header.Set("X-Amz-Date", cl.at)
	if service == serviceS3 {
		r.Header.Set("X-Amz-Content-Sha256", payloadHash)
	}
	cl.signed = covered(r.Header)
	sig := cl.sign(r, c.Secret, payloadHash)
	r.Header.Set("Authorization", algorithm+" Credential="+cl.accessKey+"/"+cl.scope()+
		", SignedHeaders="+strings.Join(cl.signed, ";")+", Signature="+sig)
}

// Presign returns u as a link that anyone may use with the given method from at until
// ttl later (one second to seven days). The signature covers host and the given
// headers, which the user of the link must then send as they are; headers may be nil.
// The body is not covered for S3, and has to be empty for all other services.
func Presign(method string, u *url.URL, c Credentials, region, service string, ttl time.Duration, headers http.Header, at time.Time) string {
	cl := newClaim(c, region, service, at)
	cl.signed = append(covered(nil), lowerNames(headers)...)
	slices.Sort(cl.signed)
	cl.signed = slices.Compact(cl.signed)

	link := *u
	for _, p := range []parameter{
		{paramAlgorithm, algorithm},
		{paramCredential, cl.accessKey + "/" + cl.scope()},
		{paramDate, cl.at},
		{paramExpires, strconv.FormatInt(int64(ttl/time.Second), 10)},
		{paramSignedHeaders, strings.Join(cl.signed, ";")},
	} {
		link.RawQuery = addParameter(link.RawQuery, p)
	}
	payload := EmptyPayload
	if service == serviceS3 {
		payload = UnsignedPayload
		if h := headers.Get(paramContentHash); h != "" {
			payload = h
		}
	}
	r := &http.Request{Method: method, URL: &link, Host: u.Host, Header: headers, ContentLength: -1}
	sig := cl.sign(r, c.Secret, payload)
	link.RawQuery = addParameter(link.RawQuery, parameter{paramSignature, sig})
	return link.String()
}

func newClaim(c Credentials, region, service string, at time.Time) claim {
	s := at.UTC().Format(stamp)
	return claim{accessKey: c.AccessKey, date: s[:day], region: region, service: service, at: s}
}

// sign respells the path of r and returns the signature of r.
func (c *claim) sign(r *http.Request, secret, payload string) string {
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
		r.URL.Path = path
	}
	path = respell(path)
	r.URL.RawPath = path
	query, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		query = nil // no server takes such a query; ours says so
	}
	key := scopedKey{secret, c.date, c.region, c.service}.derive()
	sum := signature(key, c, canonicalHash(r, path, query, c, payload))
	return string(sum[:])
}

// covered returns the names of the headers in h that Sign signs, host among them.
// Others may be changed on the way by a proxy.
func covered(h http.Header) []string {
	names := []string{"host"}
	for _, name := range lowerNames(h) {
		if isAmz(name) || name == "content-type" || name == "content-md5" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func lowerNames(h http.Header) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, strings.ToLower(name))
	}
	return names
}

func addParameter(query string, p parameter) string {
	if query != "" {
		query += "&"
	}
	return query + escape(p.name) + "=" + escape(p.value)
}
