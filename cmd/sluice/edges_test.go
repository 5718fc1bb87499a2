package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestTextIsStoredAsSent: what is refused for its text leaves nothing behind, in any API
// of JSON, and what is sound comes back as it was sent.
func TestTextIsStoredAsSent(t *testing.T) {
	t.Parallel()
	s := launch(t, t.TempDir())
	for _, bad := range []string{`\ud800`, `\udc00x`, "\xff", "\xed\xa0\x80"} {
		for _, c := range []struct{ method, path, service, body, target string }{
			{"POST", "/", "ses", `{"AddressListName":"a%s"}`, "MailManagerSvc.CreateAddressList"},
			{"POST", "/v2/email/contact-lists", "ses", `{"ContactListName":"a","Description":"%s"}`, ""},
			{"POST", "/knowledgeBases", "wisdom", `{"name":"a%s","knowledgeBaseType":"QUICK_RESPONSES"}`, ""},
		} {
			var text string
			body := strings.Replace(c.body, "%s", bad, 1)
			headers := []string{"Content-Type", "application/json"}
			if c.target != "" {
				headers = append(headers, "X-Amz-Target", c.target)
			}
			if status := s.call(t, c.method, c.path, c.service, body, &text, headers...); status != 400 || !strings.Contains(text, "SerializationException") {
				t.Errorf("%s %s %q: %d %s, want 400 SerializationException", c.method, c.path+c.target, body, status, text)
			}
		}
	}
	var lists struct {
		AddressLists, ContactLists, KnowledgeBaseSummaries []any
	}
	s.mailManager(t, "ListAddressLists", `{}`, &lists)
	s.call(t, "GET", "/v2/email/contact-lists", "ses", "", &lists)
	s.call(t, "GET", "/knowledgeBases", "wisdom", "", &lists)
	if n := len(lists.AddressLists) + len(lists.ContactLists) + len(lists.KnowledgeBaseSummaries); n != 0 {
		t.Errorf("after refusals there are %d lists: %+v; want none", n, lists)
	}
	const description = "Grüße 😀 �"
	s.call(t, "POST", "/v2/email/contact-lists", "ses", fmt.Sprintf(`{"ContactListName":"a","Description":%q}`, description), nil)
	var got struct{ Description string }
	if s.call(t, "GET", "/v2/email/contact-lists/a", "ses", "", &got); got.Description != description {
		t.Errorf("description %q, want %q", got.Description, description)
	}
}
