package wire_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/wire"
)

// Whatever text a label holds but a NUL, a client that encodes it gets it to the handler
// unchanged, and next to a literal that reads the same.
func FuzzLabel(f *testing.F) {
	for _, s := range []string{"a@b.org", "x/y", "+", "%2F", "list", "contacts", "..", ".", "a b", "ü", "\x00", "\xff", "?", "#", ";", "//"} {
		f.Add(s)
	}
	mux := newMux(wire.Options{})
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" {
			return
		}
		w := serve(mux, &http.Request{
			Method: http.MethodGet, Header: http.Header{}, Body: http.NoBody,
			URL: mustURL(t, "http://localhost/v2/email/suppression/addresses/"+url.PathEscape(s)),
		})
		if strings.Contains(s, "\x00") || !utf8.ValidString(s) {
			if w.Code != http.StatusBadRequest {
				t.Errorf("label %q: %d, want it refused", s, w.Code)
			}
			return
		}
		var out struct {
			SuppressedDestination struct{ EmailAddress string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			t.Fatalf("reply to %q: %d %s: %v", s, w.Code, w.Body, err)
		}
		want := strings.ToValidUTF8(s, "\ufffd")
		if got := out.SuppressedDestination.EmailAddress; w.Code != http.StatusOK || !sameText(got, want) {
			t.Errorf("label %q came back as %q with %d, want %q", s, got, w.Code, want)
		}
	})
}

// sameText compares up to the number of replacement characters that a run of bad
// bytes becomes.
func sameText(a, b string) bool {
	squeeze := func(s string) string {
		for strings.Contains(s, "\ufffd\ufffd") {
			s = strings.ReplaceAll(s, "\ufffd\ufffd", "\ufffd")
		}
		return s
	}
	return squeeze(a) == squeeze(b)
}

func mustURL(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatalf("parse %q: %v", raw, err)
	}
	return u
}

// Whatever comes in, a JSON reply goes out that is no failure of ours.
func FuzzRequest(f *testing.F) {
	f.Add("POST", "/v2/email/import-jobs", "", "", `{"ImportDestination":{},"ImportDataSource":{"S3Url":"s3://b/k","DataFormat":"CSV"}}`)
	f.Add("GET", "/v2/email/import-jobs", "PageSize=1&NextToken=x", "", `{"ImportDestinationType":"CONTACT_LIST"}`)
	f.Add("GET", "/v2/email/suppression/addresses", "Reason=BOUNCE&StartDate=1e9&PageSize=1.0", "", "")
	f.Add("DELETE", "/v2/email/tags", "ResourceArn=a&TagKeys=a&TagKeys=b", "", "")
	f.Add("POST", "/", "", "MailManagerSvc.TagResource", `{"ResourceArn":"arn","Tags":[null,{"Key":null,"Value":1}]}`)
	f.Add("POST", "/tags/arn%3Aaws", "", "", `{"tags":{"":null,"é":{}}}`)
	f.Add("POST", "/knowledgeBases/x/quickResponses", "", "", `{"content":{"content":[]},"isActive":"no"}`)
	mux := wire.NewMux(wire.Options{},
		sesv2api.New(sesv2api.Unimplemented{}), mailmanagerapi.New(mailmanagerapi.Unimplemented{}), qconnectapi.New(qconnectapi.Unimplemented{}))
	f.Fuzz(func(t *testing.T, method, path, query, target, body string) {
		u, err := url.Parse("http://localhost" + path)
		if err != nil {
			return
		}
		u.RawQuery = query
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Method, r.URL = method, u
		if target != "" {
			r.Header.Set("X-Amz-Target", target)
		}
		w := serve(mux, r)
		if w.Code >= 500 {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		if w.Code != http.StatusNoContent && !json.Valid(w.Body.Bytes()) {
			t.Errorf("reply with %d is no JSON: %q", w.Code, w.Body)
		}
	})
}
