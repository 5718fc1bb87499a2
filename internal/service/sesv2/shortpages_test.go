package sesv2

import (
	"fmt"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// pagesOf collects the pages of a listing, each as what is on it.
func pagesOf(list func(token *string) (page []string, next *string)) string {
	text := ""
	for token := (*string)(nil); ; {
		page, next := list(token)
		text += fmt.Sprint(page)
		if token = next; token == nil {
			return text
		}
	}
}

// TestD195_ShortPages lists what a filter finds behind more than one page may examine.
func TestD195_ShortPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newJob(t)
	var rows [][2]string
	for i := range store.MemberBudget + 1 {
		rows = append(rows, [2]string{fmt.Sprintf("m%06d@example.com", i), "BOUNCE"})
	}
	rows[7][1], rows[store.MemberBudget][1] = "COMPLAINT", "COMPLAINT"
	f.work(t, rows...)
	for size, want := range map[int64]string{
		10: "[m000007@example.com][m020000@example.com]",
		1:  "[m000007@example.com][m020000@example.com]",
	} {
		got := pagesOf(func(token *string) ([]string, *string) {
			return f.page(t, sesv2api.ListSuppressedDestinationsInput{
				PageSize: &size, NextToken: token, Reasons: []sesv2api.SuppressionListReason{complaint},
			})
		})
		if got != want {
			t.Errorf("pages of %d complaints: %s, want %s", size, got, want)
		}
	}
	day := time.Now().Add(24 * time.Hour)
	got := pagesOf(func(token *string) ([]string, *string) {
		return f.page(t, sesv2api.ListSuppressedDestinationsInput{NextToken: token, StartDate: &day})
	})
	if got != "[][]" {
		t.Errorf("pages of what is suppressed tomorrow: %s, want two empty ones", got)
	}
}

func TestD195_ShortPagesOfContacts(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newList(me(t), "l")
	f.mustAdd(t, "l", "a@example.com", "")
	ref := contactListOf(me(t), "l")
	contact := must(f.db.Member(t.Context(), ref, "a@example.com"))
	for i := range store.MemberBudget {
		must(0, f.db.PutMember(t.Context(), ref, fmt.Sprintf("m%06d@example.com", i), contact.Value, time.Now(), store.PutOptions{}))
	}
	must(f.CreateContact(me(t), &sesv2api.CreateContactInput{ContactListName: "l", EmailAddress: "z@example.com", UnsubscribeAll: new(true)}))
	for _, size := range []int64{1, 1000} {
		got := pagesOf(func(token *string) ([]string, *string) {
			return f.contacts(t, sesv2api.ListContactsInput{ContactListName: "l", PageSize: &size, NextToken: token, Filter: filter("OPT_OUT")})
		})
		if got != "[][z]" {
			t.Errorf("pages of %d of who has opted out: %s, want an empty one and one of z", size, got)
		}
	}
}

func TestD195_ShortPagesOfImportJobs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	create := func(n int, k destination.Kind, w job.Wire) {
		for i := range n {
			must(f.db.CreateJob(t.Context(), job.Job{
				ID: job.ID(fmt.Sprint(k, i)), Owner: service.OwnerOf(me(t)), Wire: w, State: job.Created, Created: time.Now(),
				Destination: job.Destination{Kind: k, List: string(k)},
			}, store.Once{}, 0))
		}
	}
	list := func(kind sesv2api.ImportDestinationType) string {
		return pagesOf(func(token *string) (page []string, next *string) {
			out := must(f.ListImportJobs(me(t), &sesv2api.ListImportJobsInput{NextToken: token, ImportDestinationType: kind}))
			return []string{fmt.Sprint(len(out.ImportJobs))}, out.NextToken
		})
	}
	create(store.JobBudget+1, destination.AddressList, job.MailManager) // which are in no page, and cost none
	create(store.JobBudget, destination.Suppression, job.SESv2)
	create(1, destination.ContactList, job.SESv2)
	for kind, want := range map[sesv2api.ImportDestinationType]string{
		"": "[1000][1000][1]", sesv2api.ImportDestinationTypeContactList: "[0][1]", sesv2api.ImportDestinationTypeSuppressionList: "[1000][1000]",
	} {
		if got := list(kind); got != want {
			t.Errorf("jobs on the pages of %q: %s, want %s", kind, got, want)
		}
	}
}
