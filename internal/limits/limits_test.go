package limits

import (
	"testing"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	of := func(k destination.Kind, a destination.Action) job.Destination {
		return job.Destination{Kind: k, Action: a}
	}
	puts, deletes := of(destination.Suppression, destination.Put), of(destination.Suppression, destination.Delete)
	list := of(destination.AddressList, destination.Put)
	for _, tt := range []struct {
		what string
		got  int64
		want int64
	}{
		{"AWS records of a put", AWS.Records(puts), 100_000},
		{"AWS records of a delete", AWS.Records(deletes), 10_000},
		{"AWS records of an address list", AWS.Records(list), 0},
		{"AWS records of a put of contacts", AWS.Records(of(destination.ContactList, destination.Put)), 1_000_000},
		{"AWS records of a delete of contacts", AWS.Records(of(destination.ContactList, destination.Delete)), 1_000_000},
		{"AWS records of quick responses", AWS.Records(of(destination.QuickResponses, destination.Put)), 100},
		{"AWS members of a contact list", int64(AWS.Members(destination.ContactList)), 0},
		{"AWS members of a knowledge base", int64(AWS.Members(destination.QuickResponses)), 1000},
		{"AWS contact lists", int64(AWS.ContactLists), 1},
		{"AWS knowledge bases", int64(AWS.KnowledgeBases), 10},
		{"AWS members of an address list", int64(AWS.Members(destination.AddressList)), 100_000},
		{"AWS members of the suppression list", int64(AWS.Members(destination.Suppression)), 0},
		{"no records of a put", None.Records(puts), 0},
		{"no members of an address list", int64(None.Members(destination.AddressList)), 0},
		{"no records of contacts", None.Records(of(destination.ContactList, destination.Put)), 0},
		{"no records of quick responses", None.Records(of(destination.QuickResponses, destination.Put)), 0},
		{"no members of a knowledge base", int64(None.Members(destination.QuickResponses)), 0},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %d, want %d", tt.what, tt.got, tt.want)
		}
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	type rate struct {
		bucket    string
		perSecond float64
	}
	for _, tt := range []struct {
		api, operation string
		want           rate
	}{
		{"sesv2", "ListContacts", rate{"sesv2", 1}},
		{"sesv2", "CreateImportJob", rate{"sesv2", 1}}, // out of the same bucket
		{"mailmanager", "ListAddressLists", rate{"mailmanager", 1}},
		{"qconnect", "GetQuickResponse", rate{"GetQuickResponse", 10}},
		{"qconnect", "ListQuickResponses", rate{"ListQuickResponses", 10}},
		{"qconnect", "DeleteQuickResponse", rate{"DeleteQuickResponse", 20}},
		{"qconnect", "SearchQuickResponses", rate{"SearchQuickResponses", 20}},
	} {
		bucket, perSecond := AWS.Rate(tt.api, tt.operation)
		if got := (rate{bucket, perSecond}); got != tt.want {
			t.Errorf("AWS.Rate(%s, %s): %v, want %v", tt.api, tt.operation, got, tt.want)
		}
		if _, perSecond := None.Rate(tt.api, tt.operation); perSecond != 0 {
			t.Errorf("None.Rate(%s, %s): %v, want none", tt.api, tt.operation, perSecond)
		}
	}
}
