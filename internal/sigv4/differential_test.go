package sigv4

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/sluicehq/sluice/internal/testenv"
)

// call is a random request, as a client of the SDK means it.
type call struct {
	method  string
	path    string // decoded
	query   []parameter
	headers http.Header
	body    []byte
	service string
	region  string
	presign bool
}

const oddBytes = "abcXYZ019-_.~!*'();:@&=+$,/?#[]% \"<>\\^`{|}é漢\x01"

func randomText(rnd *rand.Rand, most int) string {
	runes := []rune(oddBytes)
	var b strings.Builder
	for range 1 + rnd.IntN(most) {
		b.WriteRune(runes[rnd.IntN(len(runes))])
	}
	return b.String()
}

func randomCall(rnd *rand.Rand) call {
	pick := func(s ...string) string { return s[rnd.IntN(len(s))] }
	c := call{
		method: pick("GET", "PUT", "POST", "DELETE", "HEAD"), path: "/" + randomText(rnd, 20),
		service: pick("s3", "ses"), region: pick("us-east-1", "eu-central-1", "local"),
		headers: http.Header{}, presign: rnd.IntN(2) == 0,
	}
	for range rnd.IntN(6) {
		name := pick("a", "A", "list-type", "Reason", randomText(rnd, 5))
		c.query = append(c.query, parameter{name, pick("", "a/b", "a-b", randomText(rnd, 8))})
	}
	for range rnd.IntN(4) {
		name := pick("X-Amz-Meta-A", "X-Amz-Meta-B", "Content-Type", "Range", "X-Amz-Target", "X-Custom", "If-None-Match")
		c.headers.Add(name, pick("", " spaced   out ", "text/csv; charset=utf-8", "a,b", "x"))
	}
	if c.method == "PUT" || c.method == "POST" {
		if c.service == "s3" || !c.presign {
			c.body = []byte(randomText(rnd, 200))
		}
	}
	return c
}

// sdkSigned returns c as the server receives it, signed by the SDK.
func sdkSigned(t *testing.T, rnd *rand.Rand, c call, at time.Time) *http.Request {
	t.Helper()
	u := &url.URL{Scheme: "http", Host: "files.example.com:4680", Path: c.path}
	if rnd.IntN(2) == 0 { // half of them spelled as net/url does, half as the SDK's serializers do
		u.RawPath = respell(u.EscapedPath())
	}
	var pairs []string
	for _, p := range c.query {
		pairs = append(pairs, url.QueryEscape(p.name)+"="+url.QueryEscape(p.value))
	}
	rnd.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	u.RawQuery = strings.Join(pairs, "&")

	r := newRequest(t, c.method, "http://x/", c.body)
	r.URL, r.Host, r.Header = u, u.Host, c.headers.Clone()
	hash := HashPayload(c.body)
	if c.service == "s3" && (c.presign || rnd.IntN(3) == 0) {
		hash = UnsignedPayload
	}
	if c.service == "s3" {
		r.Header.Set("X-Amz-Content-Sha256", hash)
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = c.service == "s3" })
	creds := aws.Credentials{AccessKeyID: example.AccessKey, SecretAccessKey: example.Secret}
	if !c.presign {
		if err := signer.SignHTTP(context.Background(), creds, r, hash, c.service, c.region, at); err != nil {
			t.Fatalf("SignHTTP: %v", err)
		}
		return shuffled(t, rnd, r, c.body)
	}
	r.URL.RawQuery += "&X-Amz-Expires=600"
	link, headers, err := signer.PresignHTTP(context.Background(), creds, r, hash, c.service, c.region, at)
	if err != nil {
		t.Fatalf("PresignHTTP: %v", err)
	}
	in := newRequest(t, c.method, link, c.body)
	headers.Del("Host")
	in.Header = headers
	return shuffled(t, rnd, in, c.body)
}

// shuffled returns r as received, with its query in random order: the order is not signed.
func shuffled(t *testing.T, rnd *rand.Rand, r *http.Request, body []byte) *http.Request {
	t.Helper()
	pairs := strings.Split(r.URL.RawQuery, "&")
	rnd.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	r.URL.RawQuery = strings.Join(pairs, "&")
	return received(t, r, body)
}

// TestAcceptsWhatTheSDKSigns and refuses it as soon as anything is changed.
func TestAcceptsWhatTheSDKSigns(t *testing.T) {
	t.Parallel()
	v := verifierAt(noon.Add(time.Minute))
	refused := map[string]int{}
	rnd := testenv.Rand(t)
	for n := range 2000 {
		c := randomCall(rnd)
		signed := sdkSigned(t, rnd, c, noon)
		if _, body, err := verifyAll(v, recopy(t, signed, c.body), "s3", "ses"); err != nil || string(body) != string(c.body) {
			t.Fatalf("call %d: Verify(%s %s %v) = %q, %v, want %q", n, signed.Method, signed.RequestURI, signed.Header, body, err, c.body)
		}
		for _, m := range mutations {
			r := recopy(t, signed, c.body)
			if !m.apply(t, rnd, r, c) {
				continue
			}
			refused[m.name]++
			if _, _, err := verifyAll(v, r, "s3", "ses"); err == nil {
				t.Fatalf("call %d: Verify(%s %s %v) with another %s: accepted", n, r.Method, r.RequestURI, r.Header, m.name)
			}
		}
	}
	for _, m := range mutations {
		if refused[m.name] < 100 {
			t.Errorf("mutation of the %s was tried %d times only", m.name, refused[m.name])
		}
	}
}

// recopy returns a fresh copy of what was received, body and all.
func recopy(t *testing.T, r *http.Request, body []byte) *http.Request {
	t.Helper()
	u, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		t.Fatalf("ParseRequestURI(%q): %v", r.RequestURI, err)
	}
	out := received(t, &http.Request{Method: r.Method, URL: u, Host: r.Host, Header: r.Header}, body)
	return out
}

// retarget gives r another request line.
func retarget(r *http.Request, path, query string) {
	r.RequestURI = path + "?" + query
	r.URL.RawQuery = query
}

func split(r *http.Request) (path, query string) {
	path, query, _ = strings.Cut(r.RequestURI, "?")
	return path, query
}

// mutations change one thing each; false means that there is no such thing in r.
var mutations = []struct {
	name  string
	apply func(t *testing.T, rnd *rand.Rand, r *http.Request, c call) bool
}{
	{"method", func(_ *testing.T, _ *rand.Rand, r *http.Request, _ call) bool {
		r.Method = map[string]string{"GET": "HEAD", "HEAD": "GET", "PUT": "POST", "POST": "PUT", "DELETE": "PUT"}[r.Method]
		return true
	}},
	{"path", func(_ *testing.T, rnd *rand.Rand, r *http.Request, _ call) bool {
		path, query := split(r)
		at := 1 + rnd.IntN(len(path))
		for at < len(path) && (path[at-1] == '%' || at > 1 && path[at-2] == '%') {
			at++
		}
		retarget(r, path[:at]+"x"+path[at:], query)
		return true
	}},
	{"slash of the path", func(_ *testing.T, _ *rand.Rand, r *http.Request, _ call) bool {
		path, query := split(r)
		i := strings.LastIndex(path, "/")
		if i == 0 {
			return false
		}
		retarget(r, path[:i]+"%2F"+path[i+1:], query)
		return true
	}},
	{"query name", func(_ *testing.T, _ *rand.Rand, r *http.Request, _ call) bool {
		path, query := split(r)
		if query == "" {
			return false
		}
		retarget(r, path, "x"+query)
		return true
	}},
	{"query value", func(_ *testing.T, _ *rand.Rand, r *http.Request, _ call) bool {
		path, query := split(r)
		if query == "" {
			return false
		}
		retarget(r, path, query+"0")
		return true
	}},
	{"number of parameters", func(_ *testing.T, _ *rand.Rand, r *http.Request, _ call) bool {
		path, query := split(r)
		retarget(r, path, query+"&x")
		return true
	}},
	{"header value", func(_ *testing.T, _ *rand.Rand, r *http.Request, c call) bool {
		for name := range c.headers {
			if _, ok := r.Header[name]; ok { // else it went into the link
				r.Header[name][0] += "y"
				return true
			}
		}
		return false
	}},
	{"set of x-amz headers", func(_ *testing.T, _ *rand.Rand, r *http.Request, _ call) bool {
		r.Header.Set("X-Amz-Acl", "public-read")
		return true
	}},
	{"host", func(_ *testing.T, _ *rand.Rand, r *http.Request, _ call) bool {
		r.Host = "files.example.org:4680"
		return true
	}},
	{"body", func(t *testing.T, _ *rand.Rand, r *http.Request, c call) bool {
		t.Helper()
		if len(c.body) == 0 || r.Header.Get("X-Amz-Content-Sha256") == UnsignedPayload {
			return false
		}
		changed := slices.Clone(c.body)
		changed[len(changed)-1] ^= 1
		*r = *recopy(t, r, changed)
		return true
	}},
	{"access key", inSignature(example.AccessKey, "AKIAIOSFODNN7EXAMPLF")},
	{"date of the scope", inSignature("20261122/", "20261121/")},
	{"service", func(t *testing.T, rnd *rand.Rand, r *http.Request, c call) bool {
		t.Helper()
		return inSignature(c.region+"/"+c.service, c.region+"/"+map[string]string{"s3": "ses", "ses": "s3"}[c.service])(t, rnd, r, c)
	}},
	{"region", func(t *testing.T, rnd *rand.Rand, r *http.Request, c call) bool {
		t.Helper()
		return inSignature("/"+c.region+"/", "/"+c.region+"x/")(t, rnd, r, c)
	}},
	{"list of signed headers", inSignature("SignedHeaders=", "SignedHeaders=accept;")},
	{"signing time", func(t *testing.T, rnd *rand.Rand, r *http.Request, c call) bool {
		t.Helper()
		if r.Header.Get("X-Amz-Date") != "" {
			r.Header.Set("X-Amz-Date", "20261122T120001Z")
			return true
		}
		return inSignature("20261122T120000Z", "20261122T120001Z")(t, rnd, r, c)
	}},
	{"signature", func(_ *testing.T, rnd *rand.Rand, r *http.Request, _ call) bool {
		change := func(s string) string {
			i := strings.Index(s, "Signature=") + len("Signature=") + rnd.IntN(64)
			digit, _ := strconv.ParseUint(s[i:i+1], 16, 8)
			return s[:i] + strconv.FormatUint(digit^uint64(1+rnd.IntN(15)), 16) + s[i+1:]
		}
		if auth := r.Header.Get("Authorization"); auth != "" {
			r.Header.Set("Authorization", change(auth))
			return true
		}
		path, query := split(r)
		retarget(r, path, change(query))
		return true
	}},
	{"expiry", inSignature("X-Amz-Expires=600", "X-Amz-Expires=601")},
}

// inSignature replaces old by its replacement in the Authorization header or the link.
func inSignature(old, replacement string) func(*testing.T, *rand.Rand, *http.Request, call) bool {
	return func(_ *testing.T, _ *rand.Rand, r *http.Request, _ call) bool {
		if auth := r.Header.Get("Authorization"); strings.Contains(auth, old) {
			r.Header.Set("Authorization", strings.Replace(auth, old, replacement, 1))
			return true
		}
		path, query := split(r)
		for _, spell := range []func(string) string{func(s string) string { return s }, url.QueryEscape} {
			if strings.Contains(query, spell(old)) {
				retarget(r, path, strings.Replace(query, spell(old), spell(replacement), 1))
				return true
			}
		}
		return false
	}
}

func TestRefusesAnotherSecret(t *testing.T) {
	t.Parallel()
	other := example
	other.Secret = "another"
	v := NewVerifier(func(string) (Credentials, bool) { return other, true }, Options{Now: func() time.Time { return noon }})
	rnd := testenv.Rand(t)
	for n := range 200 {
		c := randomCall(rnd)
		if id, _, err := verifyAll(v, sdkSigned(t, rnd, c, noon), "s3", "ses"); err == nil {
			t.Fatalf("call %d: accepted as %+v", n, id)
		}
	}
}
