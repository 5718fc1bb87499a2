package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/wire"
)

func apis() []*wire.API {
	return []*wire.API{
		mailmanagerapi.New(mailmanagerapi.Unimplemented{}),
		sesv2api.New(sesv2api.Unimplemented{}),
		qconnectapi.New(qconnectapi.Unimplemented{}),
	}
}

// common are the errors that any call to AWS may meet; no model lists them.
var common = map[string]int{
	"InternalFailure":                     500,
	"ServiceUnavailable":                  503,
	"AccessDeniedException":               403,
	"ThrottlingException":                 429,
	"SerializationException":              400,
	"UnknownOperationException":           404,
	"RequestEntityTooLargeException":      413,
	"MissingAuthenticationTokenException": 403,
	"UnrecognizedClientException":         403,
	"InvalidSignatureException":           403,
	"RequestCanceled":                     499,
	"RequestTimeoutException":             504,
	"RequestTimeout":                      408,
}

func TestOperationsReplyWithDeclaredErrorsOnly(t *testing.T) {
	t.Parallel()
	for _, api := range apis() {
		validation := api.Faults[fault.Invalid][0]
		for i := range api.Operations {
			op := &api.Operations[i]
			for _, kind := range fault.All() {
				name, status := answer(t, api, op, kind)
				declared := slices.Contains(op.Errors, name) || name == validation
				if !declared && common[name] == 0 {
					t.Errorf("%s.%s answers %v with %s, which it does not declare", api.Name, op.Name, kind, name)
				}
				want := api.Statuses[name]
				if want == 0 {
					want = common[name]
				}
				if name == "UnknownOperationException" && api.Protocol == wire.AwsJSON {
					want = 400
				}
				if status != want {
					t.Errorf("%s.%s answers %v with %s and status %d, want %d", api.Name, op.Name, kind, name, status, want)
				}
			}
		}
	}
}

func answer(t *testing.T, api *wire.API, op *wire.Operation, kind fault.Kind) (name string, status int) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	wire.WriteFault(w, r, wire.Match{API: api, Operation: op}, fault.New(kind, "the sentence"))
	var body map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%s.%s, %v: body %q: %v", api.Name, op.Name, kind, w.Body, err)
	}
	name = w.Header().Get("X-Amzn-Errortype")
	if inBody := body["__type"]; inBody != name && !strings.HasSuffix(inBody, "#"+name) {
		t.Errorf("%s.%s, %v: header says %s, body %s", api.Name, op.Name, kind, name, body["__type"])
	}
	text := body["message"] + body["Message"]
	if shown := text == "the sentence"; shown == (w.Code == http.StatusInternalServerError) {
		t.Errorf("%s.%s, %v: status %d with the text %q", api.Name, op.Name, kind, w.Code, text)
	}
	return name, w.Code
}

// What a caller acts on, service by service.
func TestKindsHaveTheirNames(t *testing.T) {
	t.Parallel()
	all := apis()
	mm, ses, q := all[0], all[1], all[2]
	for _, tt := range []struct {
		api    *wire.API
		op     string
		kind   fault.Kind
		name   string
		status int
	}{
		{mm, "GetAddressList", fault.NotFound, "ResourceNotFoundException", 400},
		{mm, "DeleteAddressList", fault.NotFound, "ValidationException", 400},
		{mm, "StartAddressListImportJob", fault.Conflict, "ConflictException", 400},
		{mm, "StartAddressListImportJob", fault.LimitExceeded, "ServiceQuotaExceededException", 400},
		{mm, "TagResource", fault.Throttled, "ThrottlingException", 400},
		{mm, "CreateAddressList", fault.Denied, "AccessDeniedException", 400},
		{ses, "GetImportJob", fault.NotFound, "NotFoundException", 404},
		{ses, "CreateImportJob", fault.NotFound, "NotFoundException", 404},
		{ses, "CreateContact", fault.AlreadyExists, "AlreadyExistsException", 400},
		{ses, "DeleteContactList", fault.Conflict, "BadRequestException", 400},
		{ses, "ListImportJobs", fault.BadToken, "BadRequestException", 400},
		{ses, "ListSuppressedDestinations", fault.BadToken, "InvalidNextTokenException", 400},
		{ses, "GetAccount", fault.Throttled, "TooManyRequestsException", 429},
		{ses, "GetAccount", fault.Denied, "AccessDeniedException", 403},
		{q, "CreateQuickResponse", fault.LimitExceeded, "ServiceQuotaExceededException", 402},
		{q, "TagResource", fault.LimitExceeded, "TooManyTagsException", 400},
		{q, "ListImportJobs", fault.NotFound, "ResourceNotFoundException", 404},
		{q, "UpdateQuickResponse", fault.PreconditionFailed, "PreconditionFailedException", 412},
		{q, "GetImportJob", fault.Throttled, "ThrottlingException", 429},
		{q, "ListTagsForResource", fault.Invalid, "ValidationException", 400},
	} {
		i := slices.IndexFunc(tt.api.Operations, func(op wire.Operation) bool { return op.Name == tt.op })
		if name, status := answer(t, tt.api, &tt.api.Operations[i], tt.kind); name != tt.name || status != tt.status {
			t.Errorf("%s.%s answers %v with %s %d, want %s %d", tt.api.Name, tt.op, tt.kind, name, status, tt.name, tt.status)
		}
	}
}

func TestOneMuxServesAllAPIs(t *testing.T) {
	t.Parallel()
	m := wire.NewMux(wire.Options{}, apis()...)
	for _, api := range apis() {
		for _, op := range api.Operations {
			r := httptest.NewRequest(op.Method, strings.NewReplacer("{", "", "}", "").Replace(op.Path), nil)
			if api.Target != "" {
				r.Header.Set("X-Amz-Target", api.Target+"."+op.Name)
			}
			match, ok := m.Match(r)
			if !ok || match.API.Name != api.Name || match.Operation.Name != op.Name {
				t.Errorf("%s %s means %v, want %s.%s", r.Method, r.URL, match.Operation, api.Name, op.Name)
			}
		}
	}
}

// TestDeniedAndThrottledAreReported by every operation, whether it declares them or not.
func TestDeniedAndThrottledAreReported(t *testing.T) {
	t.Parallel()
	type told struct {
		name   string
		status int
	}
	for i, want := range []map[fault.Kind]told{
		{fault.Denied: {"AccessDeniedException", 400}, fault.Throttled: {"ThrottlingException", 400}},
		{fault.Denied: {"AccessDeniedException", 403}, fault.Throttled: {"TooManyRequestsException", 429}},
		{fault.Denied: {"AccessDeniedException", 403}, fault.Throttled: {"ThrottlingException", 429}},
	} {
		api := apis()[i]
		for o := range api.Operations {
			for kind, want := range want {
				if name, status := answer(t, api, &api.Operations[o], kind); name != want.name || status != want.status {
					t.Errorf("%s.%s answers %v with %s %d, want %s %d", api.Name, api.Operations[o].Name, kind, name, status, want.name, want.status)
				}
			}
		}
	}
}
