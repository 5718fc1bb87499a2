package mailmanager

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/wire"
)

// TestD53_ErrorNames checks what callers see of refusals: the names that AWS has for
// them, out of those that the operation declares.
func TestD53_ErrorNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.Profile{AddressLists: 2, ListMembers: 1})
	id, other := f.list(t, "customers"), f.list(t, "others")
	created, running := f.newJob(t, id), f.running(t, other)
	if err := f.register(me(t), id, "a@example.com"); err != nil {
		t.Fatalf("register: %v", err)
	}
	must(f.CreateAddressListImportJob(me(t), &mailmanagerapi.CreateAddressListImportJobInput{
		AddressListId: id, Name: "import", ImportDataFormat: &mailmanagerapi.ImportDataFormat{ImportDataType: "CSV"}, ClientToken: new("token"),
	}))
	mux := wire.NewMux(wire.Options{}, mailmanagerapi.New(f))
	for _, tt := range []struct{ op, body, want string }{
		{"CreateAddressList", `{"AddressListName":"customers"}`, "ConflictException"},
		{"CreateAddressList", `{"AddressListName":"third"}`, "ServiceQuotaExceededException"},
		{"CreateAddressList", `{"AddressListName":"a list"}`, "ValidationException"},
		{"CreateAddressListImportJob", `{"AddressListId":"al-no","Name":"x","ImportDataFormat":{"ImportDataType":"CSV"}}`, "ResourceNotFoundException"},
		{"CreateAddressListImportJob", `{"AddressListId":"` + id + `","Name":"x","ImportDataFormat":{"ImportDataType":"CSV"},"ClientToken":"token"}`, "ValidationException"},
		{"DeleteAddressList", `{"AddressListId":"` + other + `"}`, "ConflictException"},
		{"DeleteAddressList", `{"AddressListId":"al-no"}`, ""},
		{"GetAddressList", `{"AddressListId":"al-no"}`, "ResourceNotFoundException"},
		{"ListAddressLists", `{"NextToken":"forged"}`, "ValidationException"},
		{"ListAddressLists", `{"NextToken":""}`, "ValidationException"},
		{"RegisterMemberToAddressList", `{"AddressListId":"` + id + `","Address":"b@example.com"}`, "ServiceQuotaExceededException"},
		{"RegisterMemberToAddressList", `{"AddressListId":"` + id + `","Address":"b@@example.com"}`, "ValidationException"},
		{"DeregisterMemberFromAddressList", `{"AddressListId":"` + id + `","Address":"b@example.com"}`, "ResourceNotFoundException"},
		{"GetMemberOfAddressList", `{"AddressListId":"` + id + `","Address":"b@example.com"}`, "ResourceNotFoundException"},
		{"StartAddressListImportJob", `{"JobId":"` + created + `"}`, "ConflictException"},
		{"StartAddressListImportJob", `{"JobId":"job-no"}`, "ResourceNotFoundException"},
		{"StopAddressListImportJob", `{"JobId":"` + created + `"}`, "ConflictException"},
		{"StopAddressListImportJob", `{"JobId":"` + running + `"}`, ""},
		{"TagResource", `{"ResourceArn":"` + arnPrefix + `al-no","Tags":[]}`, "ResourceNotFoundException"},
	} {
		r := httptest.NewRequestWithContext(me(t), http.MethodPost, "/", strings.NewReader(tt.body))
		r.Header.Set("X-Amz-Target", "MailManagerSvc."+tt.op)
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		match, found := mux.Match(r)
		if !found {
			t.Fatalf("%s is not routed", tt.op)
		}
		w := httptest.NewRecorder()
		mux.Serve(w, r, match)
		var reply struct {
			Type string `json:"__type"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
			t.Fatalf("%s: %q: %v", tt.op, w.Body, err)
		}
		if _, name, _ := strings.Cut(reply.Type, "#"); name != tt.want {
			t.Errorf("%s %s: %d %s, want %q", tt.op, tt.body, w.Code, w.Body, tt.want)
		}
	}
}
