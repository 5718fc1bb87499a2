package destination

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/record"
)

// TestSources reads whole sources by the rules' own schemas.
func TestSources(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		kind   Kind
		action Action
		format record.Format
		text   string
		want   string // keys, values and codes
		broken string
	}{
		{"list as the guide has it", AddressList, Put, record.CSV, "address\nuser1@example.com\nuser2@*.example.com\n*@example.org\n", "user1@example.com user2@*.example.com *@example.org", ""},
		{"list without a header", AddressList, Put, record.CSV, "User1@Example.com\r\n1*@d.com\r\n", "User1@example.com !star-local-part", ""},
		{"list with more columns", AddressList, Put, record.CSV, "name,Address\njoe,a@b.c\n", "a@b.c", ""},
		{"list without a header but columns", AddressList, Put, record.CSV, "a@b.c,joe\n", "!too-many-cells", ""},
		{"list with another header", AddressList, Put, record.CSV, "email\na@b.c\n", "", `the first row names "email"; the first row must name the column "address", or be a record`},
		{"list that begins with a bad entry", AddressList, Put, record.CSV, "a@@b.c\na@b.c\n", "!two-at-signs a@b.c", ""},
		{"list without anything", AddressList, Put, record.CSV, "", "", ""},
		{"list as items", AddressList, Put, record.JSON, `{"items":[{"address":"a@b.c"},{"address":"*@d.com"}]}`, "a@b.c *@d.com", ""},
		{"list as strings", AddressList, Put, record.JSON, `["a@b.c", "", 1, null]`, "a@b.c !no-address !not-an-object !not-an-object", ""},
		{"list as objects", AddressList, Put, record.JSON, "{\"address\":\"a@b.c\"}\n{\"email\":\"a@b.c\"}", "a@b.c !no-address", ""},
		{"list of a wrong format", AddressList, Put, record.JSON, "address\na@b.c\n", "", "the source is not JSON"},

		{"suppressed", Suppression, Put, record.CSV, "a@b.c,BOUNCE\nd@e.f, COMPLAINT\ng@h.i\n", "a@b.c=BOUNCE d@e.f=COMPLAINT !no-reason", ""},
		{"suppressed, with a header after all", Suppression, Put, record.CSV, "emailAddress,reason\na@b.c,BOUNCE\n", "a@b.c=BOUNCE", ""},
		{"suppressed, with another header", Suppression, Put, record.CSV, "email,reason\na@b.c,BOUNCE\n", "!no-at-sign a@b.c=BOUNCE", ""},
		{"suppressed, as lines", Suppression, Put, record.JSON, "{\"emailAddress\":\"a@b.c\",\"reason\":\"BOUNCE\"}\n", "a@b.c=BOUNCE", ""},
		{"suppressed, as an array", Suppression, Put, record.JSON, `[{"emailAddress":"a@b.c","reason":"bounce"}]`, "!unknown-reason", ""},
		{"no longer suppressed", Suppression, Delete, record.CSV, "a@b.c\nd@e.f,BOUNCE\n", "a@b.c d@e.f", ""},
		{"no longer suppressed, as lines", Suppression, Delete, record.JSON, `{"emailAddress":"a@b.c"}`, "a@b.c", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := decideAll(t, Target{Kind: tt.kind, Action: tt.action}, tt.format, tt.text)
			if got != tt.want {
				t.Errorf("%q: got %s, want %s", tt.text, got, tt.want)
			}
			if tt.broken == "" && err != nil || tt.broken != "" && (!fault.Is(err, fault.Broken) || !strings.Contains(err.Error(), tt.broken)) {
				t.Errorf("%q: error %v, want %q", tt.text, err, tt.broken)
			}
		})
	}
}

// decideAll reads a source to its end and tells what became of each record: key and
// value, or the code after an exclamation mark.
func decideAll(t *testing.T, to Target, f record.Format, text string) (string, error) {
	t.Helper()
	all, _, err := decideFrom(t, to, f, text, record.Position{}, -1)
	return all, err
}

// decideFrom does so after a position, for so many records, and tells the position
// that it came to.
func decideFrom(t *testing.T, to Target, f record.Format, text string, at record.Position, most int) (string, record.Position, error) {
	t.Helper()
	rule, err := NewRule(to)
	if err != nil {
		t.Fatal(err)
	}
	src := func(offset int64) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text[offset:])), nil
	}
	d, err := record.Open(src, f, rule.Schema(f), at, 0)
	if err != nil {
		return "", at, err
	}
	defer d.Close()
	var all []string
	for rec, err := range d.Records() {
		if err != nil {
			return strings.Join(all, " "), d.Position(), err
		}
		if rec == nil {
			continue
		}
		all = append(all, decide(rule, rec))
		if len(all) == most {
			break
		}
	}
	return strings.Join(all, " "), d.Position(), nil
}

func decide(rule Rule, rec *record.Record) string {
	var c Change
	if r := rule.Decide(rec, &c); r != nil {
		return "!" + r.Code
	}
	if len(c.Value) == 0 {
		return string(c.Key)
	}
	return string(c.Key) + "=" + string(c.Value)
}

// TestRefusals: codes are unique, and reasons sentences.
func TestRefusals(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	seen := map[string]bool{}
	for _, r := range []*record.Refusal{
		noAddress, notText, noAt, twoAts, noLocalPart, longLocalPart, dotInLocalPart, badLocalPart, badQuotedPart, foreignLocalPart,
		noDomain, longDomain, badLabel, hyphenLabel, badDomain, shortDomain, numericDomain, literalDomain, foreignDomain,
		noReason, badReason, badUnsubscribe, unknownTopic, badStatus, badPreferences, badAttributes, longAttributes,
		noName, longName, noContent, longContent, longShortcut, longDescription, longChannel, badContentType, badLanguage, badActive,
		longGrouping, halfGrouping, twoGroupings, nestedValue, takenName, takenShortcut, badLength, twoStars, starLocalPart, starDomain, starLevels,
	} {
		if !code.MatchString(r.Code) || seen[r.Code] {
			t.Errorf("code %q is used twice or not of lower-case letters", r.Code)
		}
		seen[r.Code] = true
		if len(r.Reason) < 20 || strings.HasSuffix(r.Reason, ".") {
			t.Errorf("code %s: reason %q is no sentence without a stop", r.Code, r.Reason)
		}
	}
}

// eachRecord gives the records of a source to f, as far as it can be read.
func eachRecord(t testing.TB, rule Rule, format record.Format, text string, f func(*record.Record)) {
	src := func(offset int64) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text[offset:])), nil
	}
	d, err := record.Open(src, format, rule.Schema(format), record.Position{}, 0)
	if err != nil {
		if !fault.Is(err, fault.Broken) {
			t.Errorf("%q: error %v, want Broken", text, err)
		}
		return
	}
	defer d.Close()
	for rec, err := range d.Records() {
		if err != nil {
			return
		}
		if rec != nil {
			f(rec)
		}
	}
}
