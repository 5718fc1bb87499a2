package wire_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/wire"
)

// TestD181_Text: a text that is not Unicode is refused wherever a call may have it, also
// where the operation does not look.
func TestD181_Text(t *testing.T) {
	t.Parallel()
	m := newMux(wire.Options{})
	const contacts, tags = "/v2/email/contact-lists/news/contacts", "/v2/email/tags"
	for _, c := range []struct{ name, method, path, target, body string }{
		{"a byte in a value", "POST", contacts, "", "{\"EmailAddress\":\"a\xff@b.org\"}"},
		{"a byte in a name", "POST", contacts, "", "{\"Email\xffAddress\":\"a@b.org\"}"},
		{"a byte in what is not looked at", "POST", contacts, "", "{\"EmailAddress\":\"a@b.org\",\"X\":[\"\xc3\"]}"},
		{"an encoded surrogate", "POST", contacts, "", "{\"EmailAddress\":\"a\xed\xa0\x80@b.org\"}"},
		{"half a pair", "POST", contacts, "", `{"EmailAddress":"a\ud800@b.org"}`},
		{"the second half of a pair", "POST", contacts, "", `{"EmailAddress":"a\uDC00@b.org"}`},
		{"two first halves", "POST", contacts, "", `{"EmailAddress":"a\ud83d\ud83d@b.org"}`},
		{"half a pair before another escape", "POST", contacts, "", `{"EmailAddress":"a\ud83d\n@b.org"}`},
		{"half a pair in a name", "POST", contacts, "", `{"\ud800":1}`},
		{"half a pair after a pair", "POST", contacts, "", `{"EmailAddress":"\ud83d\ude00\ud83d"}`},
		{"half a pair of Mail Manager", "POST", "/", "MailManagerSvc.CreateAddressList", `{"AddressListName":"\udfff"}`},
		{"a byte of Mail Manager", "POST", "/", "MailManagerSvc.CreateAddressList", "{\"AddressListName\":\"\xff\"}"},
		{"a path", "GET", "/v2/email/contact-lists/n%ffws", "", ""},
		{"an encoded surrogate in a path", "GET", "/v2/email/contact-lists/%ed%a0%80", "", ""},
		{"a query", "GET", tags + "?ResourceArn=arn%ff", "", ""},
		{"a query's name", "GET", "/v2/email/contact-lists?%ff=1", "", ""},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		if c.target != "" {
			r.Header.Set("X-Amz-Target", c.target)
		}
		match, ok := m.Match(r)
		if !ok {
			t.Fatalf("%s: %s %s is no operation", c.name, c.method, c.path)
		}
		w := httptest.NewRecorder()
		m.Serve(w, r, match)
		if w.Code != http.StatusBadRequest || w.Header().Get("X-Amzn-Errortype") != "SerializationException" {
			t.Errorf("%s: %d %s, want 400 SerializationException", c.name, w.Code, w.Body)
		}
	}
}

// TestTextThatIsSound: escapes that are pairs, and backslashes that begin none, pass.
func TestTextThatIsSound(t *testing.T) {
	t.Parallel()
	m := newMux(wire.Options{})
	for _, text := range []string{`\ud83d\ude00`, `\\ud800`, `\\\\udc00`, `\ufffd`, "\ufffd", `\u00e9\"\\`, "é😀"} {
		r := httptest.NewRequest("POST", "/v2/email/contact-lists/news/contacts", strings.NewReader(fmt.Sprintf(`{"EmailAddress":"a@b.org","UnsubscribeAll":true,"X":"%s"}`, text)))
		match, _ := m.Match(r)
		w := httptest.NewRecorder()
		m.Serve(w, r, match)
		if strings.Contains(w.Body.String(), "SerializationException") {
			t.Errorf("text %s: %d %s, want it taken", text, w.Code, w.Body)
		}
	}
}
