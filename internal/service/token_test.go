package service

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
)

func newTokens(t testing.TB, secret string) *Tokens {
	t.Helper()
	tokens, err := NewTokens([]byte(secret))
	if err != nil {
		t.Fatalf("NewTokens: %v", err)
	}
	return tokens
}

var listing = Listing{
	Operation: "ListThings",
	Owner:     job.Owner{Account: "111111111111", Region: "eu-central-1"},
	Filter:    []string{"al-1", "prefix"},
}

func TestToken_LeadsToNextPage(t *testing.T) {
	t.Parallel()
	tokens := newTokens(t, "secret")
	longest := strings.Repeat("\xff", 320)
	for _, after := range []string{"a", "somebody@example.com", longest, longest + longest, strings.Repeat("w", 1508)} {
		token := tokens.Next(listing, after)
		if token == nil || len(*token) > maxToken {
			t.Fatalf("Next after %d bytes: %v, want a token of at most %d characters", len(after), token, maxToken)
		}
		if strings.Contains(*token, "example") || strings.Trim(*token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("Next after %q: %q is not opaque base64url", after, *token)
		}
		page, err := tokens.Page(listing, token, nil, 50)
		if err != nil || page.After != after || page.Limit != 50 {
			t.Errorf("Page of a token after %d bytes: %+v, %v", len(after), page, err)
		}
	}
	if token := tokens.Next(listing, ""); token != nil {
		t.Errorf("Next at the end: %q, want nil", *token)
	}
}

func TestToken_SurvivesRestart(t *testing.T) {
	t.Parallel()
	token := newTokens(t, "secret").Next(listing, "here")
	for _, token := range []*string{token, new(made)} {
		page, err := newTokens(t, "secret").Page(listing, token, nil, 50)
		if err != nil || page.After != "here" {
			t.Errorf("Page with the Tokens of the same secret: %+v, %v", page, err)
		}
	}
}

func TestD20_ForeignTokens(t *testing.T) {
	t.Parallel()
	tokens := newTokens(t, "secret")
	with := func(change func(*Listing)) *string {
		l := listing
		change(&l)
		return tokens.Next(l, "here")
	}
	good := *tokens.Next(listing, "here")
	for name, token := range map[string]*string{
		"other operation":      with(func(l *Listing) { l.Operation = "ListOthers" }),
		"other account":        with(func(l *Listing) { l.Owner.Account = "222222222222" }),
		"other region":         with(func(l *Listing) { l.Owner.Region = "eu-central-2" }),
		"other filter":         with(func(l *Listing) { l.Filter = []string{"al-2", "prefix"} }),
		"filter cut elsewhere": with(func(l *Listing) { l.Filter = []string{"al-1p", "refix"} }),
		"shorter filter":       with(func(l *Listing) { l.Filter = []string{"al-1"} }),
		"filter for operation": with(func(l *Listing) { l.Operation, l.Filter = "ListThingsal-1", l.Filter[1:] }),
		"other secret":         newTokens(t, "another").Next(listing, "here"),
		"plain word":           new("here"),
		"word in base64":       new(base64.RawURLEncoding.EncodeToString([]byte("here"))),
		"not base64":           new("???"),
		"cut":                  new(good[:len(good)-1]),
		"continued":            new(good + "A"),
		"padded":               new(good + "="),
		"line end":             new(good + "\n"),
		"first letter changed": new(flip(good, 0)),
		"last letter changed":  new(flip(good, len(good)-1)),
		"too long":             new(strings.Repeat("A", maxToken+1)),
	} {
		_, err := tokens.Page(listing, token, nil, 50)
		if !fault.Is(err, fault.BadToken) || fault.Message(err) != "Token is invalid." {
			t.Errorf("%s: %v, want BadToken", name, err)
		}
	}
}

func flip(token string, i int) string {
	other := byte('A')
	if token[i] == other {
		other = 'Q'
	}
	return token[:i] + string(other) + token[i+1:]
}

func TestPage_Sizes(t *testing.T) {
	t.Parallel()
	tokens := newTokens(t, "secret")
	for _, tt := range []struct {
		size    *int64
		limit   int
		refused string
	}{
		{size: nil, limit: 1000},
		{size: new(int64(1)), limit: 1},
		{size: new(int64(1000)), limit: 1000},
		{size: new(int64(0)), refused: "Page size 0 is invalid, expected a number between 1 and 1000"},
		{size: new(int64(-5)), refused: "Page size -5 is invalid, expected a number between 1 and 1000"},
		{size: new(int64(1001)), refused: "Page size 1001 is invalid, expected a number between 1 and 1000"},
	} {
		page, err := tokens.Page(listing, new(""), tt.size, 1000)
		if tt.refused != "" {
			if !fault.Is(err, fault.Invalid) || fault.Message(err) != tt.refused {
				t.Errorf("Page: %v, want Invalid %q", err, tt.refused)
			}
			continue
		}
		if err != nil || page.Limit != tt.limit || page.After != "" {
			t.Errorf("Page: %+v, %v, want the first page of %d", page, err, tt.limit)
		}
	}
}

// made is a token for listing after "here", made once with the secret "secret": a
// constant, because the processes of a fuzz run make different ones.
const made = "2eBAfQYgNTWTpcV2nDKPw58PPIn4lwPq6gJ6faz4H24"

// FuzzToken looks for a text that opens though it was not made for the listing, and
// for a word that does not come back.
func FuzzToken(f *testing.F) {
	tokens := newTokens(f, "secret")
	other := listing
	other.Filter = []string{"al-2"}
	f.Add(made)
	f.Add(*tokens.Next(other, "here"))
	f.Add("")
	f.Add(strings.Repeat("A", 40))
	f.Fuzz(func(t *testing.T, text string) {
		page, err := tokens.Page(listing, &text, nil, 50)
		if text != "" && text != made && !fault.Is(err, fault.BadToken) {
			t.Errorf("Page(%q): %+v, %v, want BadToken", text, page, err)
		}
		if text == "" || len(text) > 1508 {
			return
		}
		page, err = tokens.Page(listing, tokens.Next(listing, text), nil, 50)
		if err != nil || page.After != text {
			t.Errorf("Page of the token after %q: %+v, %v", text, page, err)
		}
	})
}
