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
	sig := newSignature(c, region, service, at)
	r.Header.Set("X-Amz-Date", sig.at)
	if service == serviceS3 {
		r.Header.Set("X-Amz-Content-Sha256", payloadHash)
	}
	sig.signed = covered(r.Header)
	r.Header.Set("Authorization", algorithm+" Credential="+sig.accessKey+"/"+sig.scope()+
		", SignedHeaders="+strings.Join(sig.signed, ";")+", Signature="+sig.sign(r, c.Secret, payloadHash))
}

// Presign returns u as a link that anyone may use with the given method from at until
// ttl later (one second to seven days). The signature covers host and the given
// headers, which the user of the link must then send as they are; headers may be nil.
// The body is not covered for S3, and has to be empty for all other services.
func Presign(method string, u *url.URL, c Credentials, region, service string, ttl time.Duration, headers http.Header, at time.Time) string {
	sig := newSignature(c, region, service, at)
	sig.signed = append(covered(nil), lowerNames(headers)...)
	slices.Sort(sig.signed)
	sig.signed = slices.Compact(sig.signed)

	link := *u
	for _, p := range []parameter{
		{paramAlgorithm, algorithm},
		{paramCredential, sig.accessKey + "/" + sig.scope()},
		{paramDate, sig.at},
		{paramExpires, strconv.FormatInt(int64(ttl/time.Second), 10)},
		{paramSignedHeaders, strings.Join(sig.signed, ";")},
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
	link.RawQuery = addParameter(link.RawQuery, parameter{paramSignature, sig.sign(r, c.Secret, payload)})
	return link.String()
}

func newSignature(c Credentials, region, service string, at time.Time) *Signature {
	s := at.UTC().Format(stamp)
	return &Signature{accessKey: c.AccessKey, date: s[:day], region: region, service: service, at: s}
}

// sign respells the path of r and returns the signature of r.
func (sig *Signature) sign(r *http.Request, secret, payload string) string {
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
		r.URL.Path = path
	}
	path = respell(path)
	r.URL.RawPath = path
	sig.query, _ = parseQuery(r.URL.RawQuery) // no server takes one with an error; ours says so
	key := scopedKey{secret, sig.date, sig.region, sig.service}.derive()
	sum := signature(key, sig, canonicalHash(r, path, sig, payload))
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
