package sesv2

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	api "github.com/sluicehq/sluice/internal/api/sesv2"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/wire"
)

// reply is what a caller sees of a refusal.
type reply struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

func send(t *testing.T, mux *wire.Mux, method, path, body string) (int, reply) {
	t.Helper()
	r := httptest.NewRequestWithContext(me(t), method, path, strings.NewReader(body))
	match, found := mux.Match(r)
	if !found {
		t.Fatalf("%s %s is not routed", method, path)
	}
	w := httptest.NewRecorder()
	mux.Serve(w, r, match)
	var got reply
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%s %s: %q: %v", method, path, w.Body, err)
	}
	return w.Code, got
}

// TestD53_ErrorNames checks what callers see of refusals: the names that AWS has for
// them, out of those that the operation declares.
func TestD53_ErrorNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Limits{UnfinishedJobs: 1})
	arn := "arn%3Aaws%3Ases%3Aeu-central-1%3A111111111111%3Aimport-job%2F" + f.newJob(t)
	mux := wire.NewMux(wire.Options{}, api.New(f))
	const suppression = `"ImportDestination":{"SuppressionListDestination":{"SuppressionListImportAction":"PUT"}}`
	const source = `"ImportDataSource":{"S3Url":"s3://imports/x","DataFormat":"CSV"}`
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/v2/email/import-jobs", "{" + suppression + "," + source + "}", 400, "LimitExceededException"},
		{"POST", "/v2/email/import-jobs", `{"ImportDestination":{},` + source + "}", 400, "BadRequestException"},
		{"GET", "/v2/email/import-jobs/nothing", "", 404, "NotFoundException"},
		{"POST", "/v2/email/import-jobs/list", `{"NextToken":"forged"}`, 400, "BadRequestException"},
		{"GET", "/v2/email/suppression/addresses?NextToken=forged", "", 400, "InvalidNextTokenException"},
		{"GET", "/v2/email/suppression/addresses?PageSize=0", "", 400, "BadRequestException"},
		{"GET", "/v2/email/suppression/addresses?PageSize=1000&NextToken=", "", 200, ""},
		{"GET", "/v2/email/suppression/addresses/a%2Fb%40example.com", "", 404, "NotFoundException"},
		{"DELETE", "/v2/email/suppression/addresses/a%2Fb%40example.com", "", 404, "NotFoundException"},
		{"PUT", "/v2/email/suppression/addresses", `{"EmailAddress":"nobody","Reason":"BOUNCE"}`, 400, "BadRequestException"},
		{"PUT", "/v2/email/account/suppression", `{"SuppressedReasons":["SPAM"]}`, 400, "BadRequestException"},
		{"PUT", "/v2/email/account/suppression", `{"SuppressedReasons":[]}`, 200, ""},
		{"GET", "/v2/email/account", "", 200, ""},
		{"GET", "/v2/email/tags?ResourceArn=" + arn, "", 200, ""},
		{"GET", "/v2/email/tags?ResourceArn=" + arn + "x", "", 404, "NotFoundException"},
		{"DELETE", "/v2/email/tags?ResourceArn=" + arn + "&TagKeys=a&TagKeys=b%20c", "", 200, ""},
	} {
		if status, got := send(t, mux, tt.method, tt.path, tt.body); status != tt.status || got.Type != tt.want {
			t.Errorf("%s %s %s: %d %+v, want %d %s", tt.method, tt.path, tt.body, status, got, tt.status, tt.want)
		}
	}
}

func TestD22_ContactListsAreNotServed(t *testing.T) {
	t.Parallel()
	mux := wire.NewMux(wire.Options{}, api.New(newFixture(t, service.None)))
	for _, tt := range []struct{ method, path, body string }{
		{"POST", "/v2/email/contact-lists", `{"ContactListName":"l"}`},
		{"GET", "/v2/email/contact-lists", ""},
		{"GET", "/v2/email/contact-lists/l", ""},
		{"PUT", "/v2/email/contact-lists/l", "{}"},
		{"DELETE", "/v2/email/contact-lists/l", ""},
		{"POST", "/v2/email/contact-lists/l/contacts", `{"EmailAddress":"a@example.com"}`},
		{"POST", "/v2/email/contact-lists/l/contacts/list", "{}"},
		{"GET", "/v2/email/contact-lists/l/contacts/a%40example.com", ""},
		{"PUT", "/v2/email/contact-lists/l/contacts/a%40example.com", "{}"},
		{"DELETE", "/v2/email/contact-lists/l/contacts/a%40example.com", ""},
	} {
		status, got := send(t, mux, tt.method, tt.path, tt.body)
		if status != 400 || got.Type != "BadRequestException" || !strings.HasPrefix(got.Message, "Contact lists are not served yet") {
			t.Errorf("%s %s: %d %+v, want that contact lists are not served yet", tt.method, tt.path, status, got)
		}
	}
}
