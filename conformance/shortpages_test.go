package conformance

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// TestD195_Paginators lists by AWS's own paginators what a filter finds behind pages that
// are empty and have a token.
func TestD195_Paginators(t *testing.T) {
	t.Parallel()
	s := start(t)
	mail, files := s.clients()
	text := rows(60_000, 1<<30) + "zoe@example.com,BOUNCE\n"
	s.job(t, s.importRows(t, "rows.csv", text, types.SuppressionListImportActionPut), final)
	var got []string
	empty := 0
	pages := sesv2.NewListSuppressedDestinationsPaginator(mail, &sesv2.ListSuppressedDestinationsInput{
		Reasons: []types.SuppressionListReason{types.SuppressionListReasonBounce},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(page.SuppressedDestinationSummaries) == 0 {
			empty++
		}
		for _, d := range page.SuppressedDestinationSummaries {
			got = append(got, *d.EmailAddress)
		}
	}
	if want := []string{"zoe@example.com"}; !slices.Equal(got, want) || empty == 0 {
		t.Errorf("suppressed for a bounce: %q behind %d empty pages, want %q behind some", got, empty, want)
	}

	if _, err := mail.CreateContactList(t.Context(), &sesv2.CreateContactListInput{ContactListName: aws.String("news")}); err != nil {
		t.Fatal(err)
	}
	contacts := strings.ReplaceAll(rows(60_000, 1<<30), ",COMPLAINT", ",false") + "zoe@example.com,true\n"
	s.importContacts(t, mail, files, "emailAddress,unsubscribeAll\n"+contacts)
	out := &types.ListContactsFilter{FilteredStatus: types.SubscriptionStatusOptOut}
	if got, want := listContacts(t, mail, out), []string{"zoe@example.com"}; !slices.Equal(got, want) {
		t.Errorf("those who opted out are %q, want %q", got, want)
	}
}
