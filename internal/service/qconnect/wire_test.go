package qconnect

import (
	"net/url"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/wire"
)

// TestD53_ErrorNames checks what callers see of refusals: the names that AWS has for
// them, out of those that the operation declares.
func TestD53_ErrorNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.Profile{KnowledgeBases: 2, QuickResponses: 2})
	base := f.newBase(t, "Answers")
	must(f.CreateKnowledgeBase(me(t), &qconnectapi.CreateKnowledgeBaseInput{Name: "Articles", KnowledgeBaseType: "CUSTOM", ClientToken: new("token")}))
	response := must(f.create(me(t), input(base, "Greeting"))).QuickResponseId
	must(f.create(me(t), input(base, "Farewell")))
	ended := f.newJob(t, base)
	f.end(t, f.claim(t), store.Outcome{State: job.Completed})
	running := f.newJob(t, base)

	const bases, pdf = "/knowledgeBases", `{"contentType":"application/pdf"}`
	mine, nothing := bases+"/"+base, bases+"/"+nobody
	theirs := bases + "/" + url.PathEscape("arn:aws:wisdom:eu-central-1:222222222222:knowledge-base/"+base)
	byARN := bases + "/" + url.PathEscape(arnPrefix+"knowledge-base/"+base)
	tags := "/tags/" + url.PathEscape(arnPrefix+"knowledge-base/"+base)
	start := func(upload string) string { return `{"importJobType":"QUICK_RESPONSES","uploadId":"` + upload + `"}` }
	mux := wire.NewMux(wire.Options{}, qconnectapi.New(f))
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", bases, `{"name":"x","knowledgeBaseType":"CUSTOM"}`, 402, "ServiceQuotaExceededException"},
		{"POST", bases, `{"name":"Answers","knowledgeBaseType":"CUSTOM"}`, 409, "ConflictException"},
		{"POST", bases, `{"name":"x","knowledgeBaseType":"CUSTOM","clientToken":"token"}`, 409, "ConflictException"},
		{"POST", bases, `{"name":"x","knowledgeBaseType":"OTHER"}`, 400, "ValidationException"},
		{"GET", bases + "?nextToken=forged", "", 400, "ValidationException"},
		{"GET", bases + "?maxResults=101", "", 400, "ValidationException"},
		{"GET", mine, "", 200, ""},
		{"GET", byARN, "", 200, ""},
		{"GET", theirs, "", 403, "AccessDeniedException"},
		{"GET", nothing, "", 404, "ResourceNotFoundException"},
		{"GET", bases + "/nothing", "", 400, "ValidationException"},
		{"DELETE", nothing, "", 404, "ResourceNotFoundException"},
		{"DELETE", mine, "", 409, "ConflictException"},
		{"POST", mine + "/upload", pdf, 200, ""},
		{"POST", mine + "/upload", `{"contentType":"text/csv","presignedUrlTimeToLive":61}`, 400, "ValidationException"},
		{"POST", nothing + "/upload", pdf, 404, "ResourceNotFoundException"},
		{"POST", mine + "/importJobs", start(nobody), 404, "ResourceNotFoundException"},
		{"GET", mine + "/importJobs", "", 200, ""},
		{"GET", nothing + "/importJobs", "", 404, "ResourceNotFoundException"},
		{"GET", mine + "/importJobs/" + ended, "", 200, ""},
		{"GET", mine + "/importJobs/" + nobody, "", 404, "ResourceNotFoundException"},
		{"DELETE", mine + "/importJobs/" + running, "", 409, "ConflictException"},
		{"DELETE", mine + "/importJobs/" + ended, "", 204, ""},
		{"DELETE", mine + "/importJobs/" + ended, "", 404, "ResourceNotFoundException"},
		{"POST", mine + "/quickResponses", `{"name":"x","content":{"content":"x"}}`, 402, "ServiceQuotaExceededException"},
		{"POST", mine + "/quickResponses", `{"name":"Greeting","content":{"content":"x"}}`, 409, "ConflictException"},
		{"POST", mine + "/quickResponses", `{"name":"x","content":{"content":"x"},"language":"xx"}`, 400, "ValidationException"},
		{"POST", mine + "/quickResponses", `{"name":"x","content":{}}`, 400, "ValidationException"},
		{"POST", mine + "/quickResponses", `{"name":"` + strings.Repeat("x", 101) + `","content":{"content":"x"}}`, 400, "ValidationException"},
		{"GET", mine + "/quickResponses/" + response, "", 200, ""},
		{"GET", mine + "/quickResponses/" + nobody, "", 404, "ResourceNotFoundException"},
		{"POST", mine + "/quickResponses/" + response, `{"name":"Farewell"}`, 409, "ConflictException"},
		{"POST", mine + "/quickResponses/" + response, `{"shortcutKey":"x","removeShortcutKey":true}`, 400, "ValidationException"},
		{"POST", mine + "/quickResponses/" + response, `{"channels":[]}`, 200, ""},
		{"POST", mine + "/quickResponses/" + nobody, `{}`, 404, "ResourceNotFoundException"},
		{"DELETE", mine + "/quickResponses/" + response, "", 204, ""},
		{"DELETE", mine + "/quickResponses/" + response, "", 404, "ResourceNotFoundException"},
		{"GET", tags, "", 200, ""},
		{"GET", "/tags/" + url.PathEscape(arnPrefix+"knowledge-base/"+nobody), "", 404, "ResourceNotFoundException"},
		{"POST", tags, `{"tags":{"team":"support"}}`, 200, ""},
		{"POST", tags, `{"tags":{` + manyTags(51) + `}}`, 400, "TooManyTagsException"},
		{"DELETE", tags + "?tagKeys=team&tagKeys=other", "", 200, ""},
	} {
		if status, got := send(t, mux, tt.method, tt.path, tt.body); status != tt.status || got.Type != tt.want {
			t.Errorf("%s %s %s: %d %+v, want %d %s", tt.method, tt.path, tt.body, status, got, tt.status, tt.want)
		}
	}
}

// TestD91_Lengths checks that the wider bounds hold, to the character.
func TestD91_Lengths(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	path := "/knowledgeBases/" + f.newBase(t, "Answers") + "/quickResponses"
	mux := wire.NewMux(wire.Options{}, qconnectapi.New(f))
	long := func(n int) string { return strings.Repeat("ü", n) }
	for _, tt := range []struct {
		body   string
		status int
	}{
		{`{"name":"` + long(100) + `","shortcutKey":"` + long(10) + `","content":{"content":"` + long(1024) + `"}}`, 200},
		{`{"name":"` + long(101) + `","content":{"content":"x"}}`, 400},
		{`{"name":"x","shortcutKey":"` + long(11) + `","content":{"content":"x"}}`, 400},
		{`{"name":"x","content":{"content":"` + long(1025) + `"}}`, 400},
		{`{"name":"x","channels":["` + long(11) + `"],"content":{"content":"x"}}`, 400},
	} {
		if status, got := send(t, mux, "POST", path, tt.body); status != tt.status {
			t.Errorf("POST %.60s…: %d %+v, want %d", tt.body, status, got, tt.status)
		}
	}
}

// manyTags is the inside of a JSON object of n tags; their keys may have no digits.
func manyTags(n int) string {
	tags := make([]string, n)
	for i := range tags {
		tags[i] = `"` + strings.Repeat("x", i+1) + `":"x"`
	}
	return strings.Join(tags, ",")
}
