package conformance

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// TestGoClient_Contacts imports contacts and lists them by AWS's Go client, which is
// stricter with times and absent members than the others.
func TestGoClient_Contacts(t *testing.T) {
	t.Parallel()
	s := start(t)
	mail, files := s.clients()
	list := aws.String("news")
	if _, err := mail.CreateContactList(t.Context(), &sesv2.CreateContactListInput{
		ContactListName: list, Description: aws.String("readers"),
		Topics: []types.Topic{{
			TopicName: aws.String("arts"), DisplayName: aws.String("Arts"), DefaultSubscriptionStatus: types.SubscriptionStatusOptIn,
		}},
	}); err != nil {
		t.Fatal(err)
	}
	job := s.importContacts(t, mail, files, "emailAddress,topicPreferences.arts\nann@example.com,OPT_OUT\nb/o+b@example.com,\nnobody,\n")
	if processed, failed := counts(job); job.JobStatus != types.JobStatusCompleted || processed != 3 || failed != 1 {
		t.Fatalf("the job ended %s with %d processed, %d failed; want COMPLETED 3, 1", job.JobStatus, processed, failed)
	}
	contact, err := mail.GetContact(t.Context(), &sesv2.GetContactInput{ContactListName: list, EmailAddress: aws.String("b/o+b@example.com")})
	if err != nil || contact.CreatedTimestamp == nil || len(contact.TopicDefaultPreferences) != 1 {
		t.Errorf("GetContact = %+v, %v; want the imported contact, with the default of one topic", contact, err)
	}
	if got, want := listContacts(t, mail, nil), []string{"ann@example.com", "b/o+b@example.com"}; !slices.Equal(got, want) {
		t.Errorf("all contacts are %q, want %q", got, want)
	}
	out := &types.ListContactsFilter{FilteredStatus: types.SubscriptionStatusOptOut, TopicFilter: &types.TopicFilter{TopicName: aws.String("arts")}}
	if got, want := listContacts(t, mail, out), []string{"ann@example.com"}; !slices.Equal(got, want) {
		t.Errorf("those who opted out are %q, want %q", got, want)
	}
}

// importContacts imports text into the list news.
func (s *server) importContacts(t *testing.T, mail *sesv2.Client, files *s3.Client, text string) *sesv2.GetImportJobOutput {
	t.Helper()
	makeBucket(t, files)
	if _, err := files.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: aws.String("contacts"), Body: strings.NewReader(text)}); err != nil {
		t.Fatal(err)
	}
	created, err := mail.CreateImportJob(t.Context(), &sesv2.CreateImportJobInput{
		ImportDataSource: &types.ImportDataSource{S3Url: aws.String("s3://" + *bucket + "/contacts"), DataFormat: types.DataFormatCsv},
		ImportDestination: &types.ImportDestination{ContactListDestination: &types.ContactListDestination{
			ContactListName: aws.String("news"), ContactListImportAction: types.ContactListImportActionPut,
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.job(t, *created.JobId, final)
}

// listContacts reads the list news in pages of one.
func listContacts(t *testing.T, mail *sesv2.Client, filter *types.ListContactsFilter) (addresses []string) {
	t.Helper()
	pages := sesv2.NewListContactsPaginator(mail, &sesv2.ListContactsInput{
		ContactListName: aws.String("news"), Filter: filter, PageSize: aws.Int32(1),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Contacts {
			addresses = append(addresses, *c.EmailAddress)
		}
	}
	return addresses
}
