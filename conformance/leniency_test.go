package conformance

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// signedCall sends a request signed for a service, with headers as pairs of name and
// value, and returns the status and the body of the response.
func (s *server) signedCall(t *testing.T, service, method, target, body string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	sum := sha256.Sum256([]byte(body))
	keys := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}
	if err := v4.NewSigner().SignHTTP(t.Context(), keys, req, hex.EncodeToString(sum[:]), service, region, time.Now()); err != nil {
		t.Fatal(err)
	}
	return s.do(t, req)
}

// do sends a request and returns the status and the body of the response.
func (s *server) do(t *testing.T, req *http.Request) (int, string) {
	t.Helper()
	resp, err := s.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// TestD230_BooleanStrings: a Boolean may be a string with one of six values.
func TestD230_BooleanStrings(t *testing.T) {
	t.Parallel()
	s := start(t)
	if status, text := s.signedCall(t, "ses", "POST", "/v2/email/contact-lists", `{"ContactListName":"l"}`); status != http.StatusOK {
		t.Fatalf("CreateContactList: %d %s", status, text)
	}
	for value, want := range map[string]string{`"YES"`: "true", `"1"`: "true", `"True"`: "true", `"no"`: "false", `"0"`: "false", `"FALSE"`: "false", "true": "true"} {
		address := url.PathEscape(strings.Trim(value, `"`)) + "@example.com"
		status, text := s.signedCall(t, "ses", "POST", "/v2/email/contact-lists/l/contacts", `{"EmailAddress":"`+address+`","UnsubscribeAll":`+value+`}`)
		if status != http.StatusOK {
			t.Errorf("CreateContact with UnsubscribeAll %s: %d %s, want 200", value, status, text)
			continue
		}
		if _, text := s.signedCall(t, "ses", "GET", "/v2/email/contact-lists/l/contacts/"+url.PathEscape(address), ""); !strings.Contains(text, `"UnsubscribeAll":`+want) {
			t.Errorf("UnsubscribeAll %s: %s, want %s", value, text, want)
		}
	}
	for _, value := range []string{`"y"`, `""`, "1", `"on"`} {
		status, text := s.signedCall(t, "ses", "POST", "/v2/email/contact-lists/l/contacts", `{"EmailAddress":"x@example.com","UnsubscribeAll":`+value+`}`)
		if status != http.StatusBadRequest {
			t.Errorf("CreateContact with UnsubscribeAll %s: %d %s, want 400", value, status, text)
		}
	}
}

// TestD231_BodiesAndMediaTypes: an empty body and null are an empty object, and neither
// Content-Type nor Accept is examined.
func TestD231_BodiesAndMediaTypes(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, body := range []string{"", "null", "{}"} {
		status, text := s.signedCall(t, "ses", "POST", "/v2/email/import-jobs/list", body, "Content-Type", "text/plain", "Accept", "application/xml")
		if status != http.StatusOK || !strings.Contains(text, `"ImportJobs":[]`) {
			t.Errorf("ListImportJobs with body %q: %d %s, want 200 and an empty list", body, status, text)
		}
		status, text = s.signedCall(t, "ses", "POST", "/", body, "X-Amz-Target", "MailManagerSvc.ListAddressLists", "Content-Type", "text/plain")
		if status != http.StatusOK || !strings.Contains(text, `"AddressLists":[]`) {
			t.Errorf("ListAddressLists with body %q: %d %s, want 200 and an empty list", body, status, text)
		}
	}
	for _, body := range []string{"[]", `"x"`, "1", "x"} {
		if status, text := s.signedCall(t, "ses", "POST", "/v2/email/import-jobs/list", body); status != http.StatusBadRequest {
			t.Errorf("ListImportJobs with body %q: %d %s, want 400", body, status, text)
		}
	}
}

// TestD232_ValidAddresses: which addresses an API accepts.
func TestD232_ValidAddresses(t *testing.T) {
	t.Parallel()
	s := start(t)
	long := strings.Repeat("a", 64) + "@" + strings.Repeat(strings.Repeat("b", 61)+".", 4) + "com"
	for address, want := range map[string]int{
		"ann@example.com":           http.StatusOK,
		`\"ann smith\"@example.com`: http.StatusOK,
		"a+b'c{d}@example.com":      http.StatusOK,
		"ann@bücher.example":        http.StatusOK,
		long:                        http.StatusOK, // 64 bytes, @, and 251 bytes
		"ann@localhost":             http.StatusBadRequest,
		"ann@[127.0.0.1]":           http.StatusBadRequest,
		"ann@127.0.0.1":             http.StatusBadRequest,
		"jörg@example.com":          http.StatusBadRequest,
		"a..b@example.com":          http.StatusBadRequest,
		"ann@-example.com":          http.StatusBadRequest,
		"b" + long:                  http.StatusBadRequest,
		strings.Replace(long, ".com", ".comxxx", 1): http.StatusBadRequest,
	} {
		status, text := s.signedCall(t, "ses", "PUT", "/v2/email/suppression/addresses", `{"EmailAddress":"`+address+`","Reason":"BOUNCE"}`)
		if status != want {
			t.Errorf("PutSuppressedDestination %s: %d %s, want %d", address, status, text, want)
		}
	}
}

// TestD233_PathsAreNotNormalized: dot segments and double slashes are part of a path,
// when it is signed and when it is matched.
func TestD233_PathsAreNotNormalized(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{"/v2/email/./account", "/v2/email//account", "/v2/email/identities/../account"} {
		status, text := s.signedCall(t, "ses", "GET", path, "")
		if status != http.StatusNotFound || !strings.Contains(text, "no such operation") && !strings.Contains(text, "UnknownOperation") {
			t.Errorf("GET %s, signed as it is: %d %s, want 404 and an unknown operation", path, status, text)
		}
	}
	if status, text := s.signedCall(t, "ses", "GET", "/v2/email/account", ""); status != http.StatusOK {
		t.Errorf("GET /v2/email/account: %d %s, want 200", status, text)
	}
}
