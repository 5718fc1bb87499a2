package sigv4

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

// TestRefusals has one request per reason, each made from one that is in order.
func TestRefusals(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	change := func(old, replacement string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.ReplaceAll(r.Header.Get("Authorization"), old, replacement))
		}
	}
	query := func(q string) func(*http.Request) {
		return func(r *http.Request) { r.URL.RawQuery = q }
	}
	link := func(old, replacement string) func(*http.Request) {
		return func(r *http.Request) {
			u := Presign("POST", r.URL, example, "us-east-1", "ses", time.Minute, nil, noon)
			_, q, _ := strings.Cut(u, "?")
			r.URL.RawQuery = strings.Replace(q, old, replacement, 1)
			r.Header = http.Header{}
		}
	}
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   fault.Kind
		says   string
	}{
		"anonymous":        {func(r *http.Request) { r.Header.Del("Authorization") }, fault.Unauthenticated, "Missing Authentication Token"},
		"basic":            {set("Authorization", "Basic YTpi"), fault.Unauthenticated, "Signature Version 4"},
		"version 2 header": {set("Authorization", "AWS AKID:c2lnbmF0dXJl"), fault.BadSignature, "Signature Version 4"},
		"version 2 link": {func(r *http.Request) {
			r.Header = http.Header{}
			r.URL.RawQuery = "AWSAccessKeyId=A&Signature=b&Expires=1"
		}, fault.BadSignature, "Signature Version 4"},
		"version 4a":          {change("HMAC-SHA256", "ECDSA-P256-SHA256"), fault.BadSignature, "AWS4-HMAC-SHA256"},
		"two headers":         {func(r *http.Request) { r.Header.Add("Authorization", "x") }, fault.BadSignature, "Only one"},
		"header and link":     {query("X-Amz-Signature=1"), fault.BadSignature, "Only one"},
		"session token":       {set("X-Amz-Security-Token", "FQoG"), fault.UnknownKey, "security token"},
		"no signature":        {change("Signature=", "Sig="), fault.BadSignature, "'Signature'"},
		"no credential":       {change("Credential=", "Cred="), fault.BadSignature, "'Credential'"},
		"no signed headers":   {change("SignedHeaders=", "Signed="), fault.BadSignature, "'SignedHeaders'"},
		"part twice":          {change("Credential=", "Credential=x, Credential="), fault.BadSignature, "twice"},
		"no equal sign":       {change(", Signature", ", oops, Signature"), fault.BadSignature, "equal-sign"},
		"short scope":         {change("/ses/", "/"), fault.BadSignature, "5 slash-delimited"},
		"empty region":        {change("us-east-1", ""), fault.BadSignature, "5 slash-delimited"},
		"terminator":          {change("aws4_request", "aws5_request"), fault.BadSignature, "aws5_request"},
		"scope date":          {change("20261122", "20261121"), fault.BadSignature, "'20261121' != '20261122'"},
		"other service":       {change("/ses/", "/sqs/"), fault.BadSignature, "'ses' or 'wisdom'"},
		"unknown key":         {change("AKIAIOSFODNN7EXAMPLE", "AKIA"), fault.UnknownKey, "security token"},
		"no date":             {func(r *http.Request) { r.Header.Del("X-Amz-Date") }, fault.BadSignature, "X-Amz-Date"},
		"bad date":            {set("X-Amz-Date", "2026-11-22"), fault.BadSignature, "ISO-8601"},
		"unsorted headers":    {change("SignedHeaders=content-type;host", "SignedHeaders=host;content-type"), fault.BadSignature, "sorted"},
		"host unsigned":       {change("host;", ""), fault.BadSignature, "'Host'"},
		"x-amz unsigned":      {set("x-amz-target", "MailManagerSvc.ListAddressLists"), fault.BadSignature, "x-amz-target"},
		"signed but absent":   {func(r *http.Request) { r.Header.Del("Content-Type") }, fault.BadSignature, "'content-type'"},
		"tampered":            {set("Content-Type", "text/plain"), fault.BadSignature, "does not match the signature you provided"},
		"undecodable query":   {query("a=%zz"), fault.Malformed, "query string"},
		"link, no date":       {link("X-Amz-Date", "x"), fault.BadSignature, "'X-Amz-Date'"},
		"link, no expiry":     {link("X-Amz-Expires", "x"), fault.BadSignature, "'X-Amz-Expires'"},
		"link, no signature":  {link("X-Amz-Signature", "x"), fault.BadSignature, "'X-Amz-Signature'"},
		"link, expiry 0":      {link("Expires=60", "Expires=0"), fault.BadSignature, "604800"},
		"link, expiry 7 days": {link("Expires=60", "Expires=604801"), fault.BadSignature, "604800"},
		"link, expiry -1":     {link("Expires=60", "Expires=-1"), fault.BadSignature, "604800"},
		"link, twice":         {link("X-Amz-Date", "X-Amz-Date=x&X-Amz-Date"), fault.BadSignature, "twice"},
		"link, token":         {link("X-Amz-Date", "X-Amz-Security-Token=x&X-Amz-Date"), fault.UnknownKey, "security token"},
		"link, algorithm":     {link("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), fault.BadSignature, "AWS4-HMAC-SHA256"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRequest(t, "POST", "http://example.com/v2/email", nil)
			r.Header.Set("Content-Type", "application/json")
			Sign(r, example, "us-east-1", "ses", HashPayload([]byte("{}")), noon)
			c.change(r)
			id, _, err := verifyAll(verifierAt(noon), received(t, r, []byte("{}")), "ses", "wisdom")
			wantKind(t, name, err, c.want)
			if err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), example.Secret)) {
				t.Errorf("%s: %q, want it to say %q", name, err, c.says)
			}
			if id != (Identity{}) {
				t.Errorf("%s: a refused caller is %+v", name, id)
			}
		})
	}
}

// TestServiceOfBrokenSignatures: a refusal is written in the form of the service that was
// meant, so it is known as soon as the credential can be read.
func TestServiceOfBrokenSignatures(t *testing.T) {
	t.Parallel()
	for authorization, want := range map[string]string{
		"": "", "Basic YTpi": "", "AWS AKID:c2ln": "", "AWS4-HMAC-SHA256 Credential=a/b": "",
		"AWS4-HMAC-SHA256 Credential=AKID/20261122/eu-west-1/wisdom/aws4_request": "wisdom",
	} {
		r := received(t, newRequest(t, "GET", "http://example.com/", nil), nil)
		r.Header.Set("Authorization", authorization)
		if got := Parse(r).Service(); got != want {
			t.Errorf("service of %q = %q, want %q", authorization, got, want)
		}
	}
}

func TestSkew(t *testing.T) {
	t.Parallel()
	for _, service := range []string{"s3", "ses"} {
		r := newRequest(t, "GET", "http://example.com/", nil)
		Sign(r, example, "us-east-1", service, EmptyPayload, noon)
		for off, ok := range map[time.Duration]bool{
			0: true, 15 * time.Minute: true, -15 * time.Minute: true,
			15*time.Minute + time.Second: false, -15*time.Minute - time.Second: false,
		} {
			_, _, err := verifyAll(verifierAt(noon.Add(off)), received(t, r, nil), service)
			if ok != (err == nil) || err != nil && !fault.Is(err, fault.Skewed) {
				t.Errorf("%s, clocks %v apart: %v, want accepted %v", service, off, err, ok)
			}
		}
	}
}

func TestDateHeaderWillDo(t *testing.T) {
	t.Parallel()
	r := newRequest(t, "GET", "http://example.com/", nil)
	r.Header.Set("Date", noon.Format(http.TimeFormat))
	c := newSignature(example, "us-east-1", "ses", noon)
	c.signed = []string{"date", "host"}
	sig := c.sign(r, example.Secret, EmptyPayload)
	r.Header.Set("Authorization", algorithm+" Credential="+c.accessKey+"/"+c.scope()+",SignedHeaders=date;host,Signature="+sig)
	if _, err := verify(verifierAt(noon), received(t, r, nil), "ses"); err != nil {
		t.Errorf("Verify: %v", err)
	}
}

func TestEmptySecretIsNoKey(t *testing.T) {
	t.Parallel()
	none := Credentials{AccessKey: "AKID"}
	r := newRequest(t, "GET", "http://example.com/", nil)
	Sign(r, none, "us-east-1", "ses", EmptyPayload, noon)
	v := NewVerifier(func(string) (Credentials, bool) { return none, true }, Options{Now: func() time.Time { return noon }})
	_, err := verify(v, received(t, r, nil), "ses")
	wantKind(t, "empty secret", err, fault.UnknownKey)
}

func TestBodies(t *testing.T) {
	t.Parallel()
	body := []byte(`{"a":1}`)
	for name, c := range map[string]struct {
		service string
		hash    string // what is signed
		header  string // x-amz-content-sha256, for services other than S3
		sent    []byte
		want    fault.Kind
		ok      bool
	}{
		"s3, hashed":             {"s3", HashPayload(body), "", body, 0, true},
		"s3, another":            {"s3", HashPayload(body), "", []byte(`{"a":2}`), fault.BodyMismatch, false},
		"s3, none where one was": {"s3", HashPayload(body), "", nil, fault.BodyMismatch, false},
		"s3, one where none was": {"s3", EmptyPayload, "", body, fault.BodyMismatch, false},
		"s3, unsigned":           {"s3", UnsignedPayload, "", body, 0, true},
		"s3, nonsense":           {"s3", "nonsense", "", body, fault.Invalid, false},
		"ses, computed":          {"ses", HashPayload(body), "", body, 0, true},
		"ses, said":              {"ses", HashPayload(body), HashPayload(body), body, 0, true},
		"ses, said, another":     {"ses", HashPayload(body), HashPayload(body), []byte("x"), fault.BodyMismatch, false},
		"ses, another":           {"ses", HashPayload(body), "", []byte("x"), fault.BadSignature, false},
		"ses, unsigned":          {"ses", UnsignedPayload, UnsignedPayload, body, fault.Invalid, false},
		"ses, streamed":          {"ses", streamSigned, streamSigned, body, fault.Invalid, false},
		"ses, too large":         {"ses", HashPayload(letters(101)), "", letters(101), fault.TooLarge, false},
		"ses, as large as may":   {"ses", HashPayload(letters(100)), "", letters(100), 0, true},
	} {
		for _, known := range []bool{true, false} {
			r := newRequest(t, "POST", "http://example.com/x", nil)
			if c.header != "" {
				r.Header.Set("X-Amz-Content-Sha256", c.header)
			}
			Sign(r, example, "us-east-1", c.service, c.hash, noon)
			in := received(t, r, c.sent)
			if !known && len(c.sent) > 0 {
				in.ContentLength = -1
			}
			v := verifierAt(noon)
			v.o.MaxBody = 100
			_, got, err := verifyAll(v, in, c.service)
			if c.ok {
				if err != nil || !bytes.Equal(got, c.sent) {
					t.Errorf("%s (length known: %v): %q, %v, want %q", name, known, got, err, c.sent)
				}
				continue
			}
			wantKind(t, name, err, c.want)
		}
	}
}

func TestS3WantsThePayloadHash(t *testing.T) {
	t.Parallel()
	r := newRequest(t, "GET", "http://example.com/x", nil)
	Sign(r, example, "us-east-1", "s3", EmptyPayload, noon)
	r.Header.Del("X-Amz-Content-Sha256")
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "x-amz-content-sha256;", "", 1))
	_, err := verify(verifierAt(noon), received(t, r, nil), "s3")
	wantKind(t, "without x-amz-content-sha256", err, fault.BadSignature)
}

// TestReplacedSecret: signing keys are remembered, but not longer than their secret.
func TestReplacedSecret(t *testing.T) {
	t.Parallel()
	current := example
	v := NewVerifier(func(string) (Credentials, bool) { return current, true }, Options{Now: func() time.Time { return noon }})
	r := newRequest(t, "GET", "http://example.com/", nil)
	Sign(r, example, "us-east-1", "ses", EmptyPayload, noon)
	for range 2 {
		if _, err := verify(v, received(t, r, nil), "ses"); err != nil {
			t.Fatalf("Verify: %v", err)
		}
	}
	current.Secret = "replaced"
	_, err := verify(v, received(t, r, nil), "ses")
	wantKind(t, "after the secret was replaced", err, fault.BadSignature)
}

func TestKeyringIsBounded(t *testing.T) {
	t.Parallel()
	var k keyring
	for i := range 3 * maxKeys {
		id := scopedKey{region: string(rune(i))}
		k.put(id, []byte{1})
		if got := k.get(id); len(got) != 1 {
			t.Fatalf("get(%+v) = %x right after put", id, got)
		}
	}
	if len(k.keys) > maxKeys {
		t.Errorf("%d keys are kept, want at most %d", len(k.keys), maxKeys)
	}
}
