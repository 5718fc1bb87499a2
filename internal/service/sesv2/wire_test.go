package sesv2

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/wire"
)

// TestD53_ErrorNames checks what callers see of refusals: the names that AWS has for
// them, out of those that the operation declares.
func TestD53_ErrorNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.Profile{UnfinishedJobs: 1})
	arn := "arn%3Aaws%3Ases%3Aeu-central-1%3A111111111111%3Aimport-job%2F" + f.newJob(t)
	mux := wire.NewMux(wire.Options{}, sesv2api.New(f))
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

// TestContacts_OnTheWire checks what callers read of contact lists: AWS's texts, letter
// for letter, under the names that the operations declare.
func TestContacts_OnTheWire(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.AWS)
	f.newList(me(t), "l", "news")
	f.mustAdd(t, "l", "a/b+c@example.com", "")
	mux := wire.NewMux(wire.Options{}, sesv2api.New(f))
	const (
		lists    = "/v2/email/contact-lists"
		contacts = lists + "/l/contacts"
		arn      = "arn%3Aaws%3Ases%3Aeu-central-1%3A111111111111%3Acontact-list%2F"
		job      = `{"ImportDestination":{"ContactListDestination":{"ContactListName":"none","ContactListImportAction":"PUT"}},` +
			`"ImportDataSource":{"S3Url":"s3://imports/x","DataFormat":"CSV"}}`
		bad, missing = "BadRequestException", "NotFoundException"
	)
	type reply struct{ Type, Message string }
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               reply
	}{
		{"POST", lists, `{"ContactListName":"m"}`, 400, reply{bad, "A maximum of 1 Lists allowed per account."}},
		{"GET", lists, "", 200, reply{}},
		{"GET", lists + "?PageSize=0", "", 400, reply{bad, "The page size must be between 1 and 1000"}},
		{"GET", lists + "?NextToken=forged", "", 400, reply{bad, "Provided NextToken is invalid"}},
		{"GET", lists + "/none", "", 404, reply{missing, "List with name: none doesn't exist."}},
		{"PUT", lists + "/none", "{}", 404, reply{missing, "List with name: none doesn't exist."}},
		{"DELETE", lists + "/none", "", 404, reply{missing, "List with name: none doesn't exist."}},
		{"PUT", lists + "/l", `{"Description":"d"}`, 200, reply{}},
		{"POST", contacts, `{"EmailAddress":"a/b+c@example.com"}`, 400, reply{"AlreadyExistsException", "a/b+c@example.com already exists in List."}},
		{"POST", contacts, `{"EmailAddress":" "}`, 400, reply{bad, "EmailAddress can't be blank."}},
		{"POST", contacts, `{"EmailAddress":"nobody"}`, 400, reply{bad, "EmailAddress <nobody> is invalid"}},
		{"POST", contacts, `{}`, 400, reply{bad, "1 validation error detected: Value at 'emailAddress' failed to satisfy constraint: Member must not be null"}},
		{"POST", contacts, `{"EmailAddress":"nobody","TopicPreferences":[null]}`, 400, reply{bad, "1 validation error detected: Value at 'topicPreferences.1.member' failed to satisfy constraint: Member must not be null"}},
		{"POST", contacts, `{"EmailAddress":"nobody","TopicPreferences":[{"TopicName":"news"}]}`, 400, reply{bad, "1 validation error detected: Value at 'topicPreferences.1.member.subscriptionStatus' failed to satisfy constraint: Member must not be null"}},
		{"POST", contacts, `{"EmailAddress":"d@example.com","TopicPreferences":[{"TopicName":"no","SubscriptionStatus":"OPT_IN"}]}`, 400, reply{bad, "List: l doesn't contain Topic: no"}},
		{"GET", contacts + "/a%2Fb%2Bc%40example.com", "", 200, reply{}},
		{"PUT", contacts + "/a%2Fb+c@example.com", `{"UnsubscribeAll":true}`, 200, reply{}},
		{"GET", contacts + "/d%40example.com", "", 404, reply{missing, "d@example.com doesn't exist in List."}},
		{"PUT", contacts + "/d%40example.com", "{}", 404, reply{missing, "d@example.com doesn't exist in List."}},
		{"DELETE", contacts + "/d%40example.com", "", 404, reply{missing, "d@example.com doesn't exist in List."}},
		{"GET", contacts + "/nobody", "", 400, reply{bad, "EmailAddress <nobody> is invalid"}},
		{"POST", contacts + "/list", `{"Filter":{}}`, 400, reply{bad, "Invalid FilteredStatus <null>"}},
		{"POST", contacts + "/list", `{"PageSize":1001}`, 400, reply{bad, "The page size must be between 1 and 1000"}},
		{"POST", contacts + "/list", `{"NextToken":"forged"}`, 400, reply{bad, "Provided NextToken is invalid"}},
		{"POST", contacts + "/list", `{"Filter":{"FilteredStatus":"OPT_IN","TopicFilter":{"TopicName":"no"}}}`, 404, reply{missing, "List: l doesn't contain Topic: no"}},
		{"POST", contacts + "/list", "", 200, reply{}},
		{"GET", contacts + "?PageSize=1", `{"Filter":{"FilteredStatus":"OPT_OUT"}}`, 200, reply{}},
		{"GET", contacts + "?PageSize=0", "", 400, reply{bad, "The page size must be between 1 and 1000"}},
		{"POST", "/v2/email/import-jobs", job, 404, reply{missing, "ContactList none doesn't exist"}},
		{"GET", "/v2/email/tags?ResourceArn=" + arn + "l", "", 200, reply{}},
		{"GET", "/v2/email/tags?ResourceArn=" + arn + "none", "", 404, reply{missing, "No ContactList present with name: none"}},
		{"DELETE", contacts + "/a%2Fb%2Bc%40example.com", "", 200, reply{}},
		{"DELETE", lists + "/l", "", 200, reply{}},
	} {
		if status, got := send(t, mux, tt.method, tt.path, tt.body); status != tt.status || reply(got) != tt.want {
			t.Errorf("%s %s %s: %d %+v, want %d %+v", tt.method, tt.path, tt.body, status, got, tt.status, tt.want)
		}
	}
}

// TestListContacts_OlderForm: the route of clients that were made before AWS moved it
// has the page in the query and the filter in a body.
func TestListContacts_OlderForm(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	newAudience(t, f)
	mux := wire.NewMux(wire.Options{}, sesv2api.New(f))
	var out struct {
		Contacts  []struct{ EmailAddress string }
		NextToken *string
	}
	call := func(query string) {
		t.Helper()
		r := httptest.NewRequestWithContext(me(t), "GET", "/v2/email/contact-lists/l/contacts?PageSize=3"+query,
			strings.NewReader(`{"Filter":{"FilteredStatus":"OPT_OUT","TopicFilter":{"TopicName":"in"}}}`))
		match, _ := mux.Match(r)
		w := httptest.NewRecorder()
		mux.Serve(w, r, match)
		out.NextToken = nil
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 200 {
			t.Fatalf("%d %s: %v", w.Code, w.Body, err)
		}
	}
	call("")
	if len(out.Contacts) != 3 || out.Contacts[0].EmailAddress != "neither@example.com" || out.NextToken == nil {
		t.Fatalf("first page: %+v, want three and a token", out)
	}
	call("&NextToken=" + *out.NextToken)
	if len(out.Contacts) != 1 || out.Contacts[0].EmailAddress != "off-but-both@example.com" || out.NextToken != nil {
		t.Errorf("second page: %+v, want one and no token", out)
	}
}
