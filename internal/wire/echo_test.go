package wire_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/api/mailmanager"
	"github.com/sluicehq/sluice/internal/api/qconnect"
	"github.com/sluicehq/sluice/internal/api/sesv2"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/wire"
)

// The echo services answer with what they were asked, so that a reply shows what
// crossed the wire.
type (
	echoSES     struct{ sesv2.Unimplemented }
	echoMail    struct{ mailmanager.Unimplemented }
	echoConnect struct{ qconnect.Unimplemented }
)

func newMux(opts wire.Options) *wire.Mux {
	return wire.NewMux(opts, sesv2.New(echoSES{}), mailmanager.New(echoMail{}), qconnect.New(echoConnect{}))
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 592e6, time.UTC)

// fail returns the error that an id such as "fail-NotFound" asks for.
func fail(id string) error {
	for _, k := range fault.All() {
		if id == "fail-"+k.String() {
			return fmt.Errorf("open store: %w", fault.New(k, "job %s is refused", id))
		}
	}
	if id == "fail-ours" {
		return fmt.Errorf("disk on fire")
	}
	return nil
}

func text[T any](p *T) string {
	if p == nil {
		return "absent"
	}
	return fmt.Sprintf("%v", *p)
}

func (echoSES) GetImportJob(_ context.Context, in *sesv2.GetImportJobInput) (*sesv2.GetImportJobOutput, error) {
	if err := fail(in.JobId); err != nil {
		return nil, err
	}
	return &sesv2.GetImportJobOutput{
		JobId: new(in.JobId), JobStatus: sesv2.JobStatusCompleted,
		CreatedTimestamp: new(noon), CompletedTimestamp: new(noon.Add(408 * time.Millisecond)),
		ProcessedRecordsCount: new(int64(10)), FailedRecordsCount: new(int64(0)),
	}, nil
}

func (echoSES) CreateImportJob(_ context.Context, in *sesv2.CreateImportJobInput) (*sesv2.CreateImportJobOutput, error) {
	return &sesv2.CreateImportJobOutput{
		JobId: new(string(in.ImportDestination.SuppressionListDestination.SuppressionListImportAction) + " " + in.ImportDataSource.S3Url),
	}, nil
}

func (echoSES) GetSuppressedDestination(_ context.Context, in *sesv2.GetSuppressedDestinationInput) (*sesv2.GetSuppressedDestinationOutput, error) {
	return &sesv2.GetSuppressedDestinationOutput{SuppressedDestination: &sesv2.SuppressedDestination{
		EmailAddress: in.EmailAddress, Reason: sesv2.SuppressionListReasonBounce, LastUpdateTime: noon,
	}}, nil
}

func (echoSES) ListSuppressedDestinations(_ context.Context, in *sesv2.ListSuppressedDestinationsInput) (*sesv2.ListSuppressedDestinationsOutput, error) {
	var all []sesv2.SuppressedDestinationSummary
	for _, reason := range in.Reasons {
		all = append(all, sesv2.SuppressedDestinationSummary{
			EmailAddress: "since " + text(in.StartDate), Reason: reason, LastUpdateTime: *in.StartDate,
		})
	}
	return &sesv2.ListSuppressedDestinationsOutput{SuppressedDestinationSummaries: all}, nil
}

func (echoSES) ListImportJobs(_ context.Context, in *sesv2.ListImportJobsInput) (*sesv2.ListImportJobsOutput, error) {
	return &sesv2.ListImportJobsOutput{
		ImportJobs: []sesv2.ImportJobSummary{},
		NextToken:  new(fmt.Sprintf("%s %s %s", in.ImportDestinationType, text(in.PageSize), text(in.NextToken))),
	}, nil
}

func (echoSES) ListContacts(_ context.Context, in *sesv2.ListContactsInput) (*sesv2.ListContactsOutput, error) {
	return &sesv2.ListContactsOutput{
		NextToken: new(fmt.Sprintf("%s %s %s %s", in.ContactListName, in.Filter.FilteredStatus, text(in.PageSize), text(in.NextToken))),
	}, nil
}

func (echoSES) CreateContact(_ context.Context, in *sesv2.CreateContactInput) (*sesv2.CreateContactOutput, error) {
	if !*in.UnsubscribeAll {
		return nil, fault.New(fault.AlreadyExists, "%s already exists in List.", in.EmailAddress)
	}
	return nil, nil
}

func (echoSES) ListTagsForResource(context.Context, *sesv2.ListTagsForResourceInput) (*sesv2.ListTagsForResourceOutput, error) {
	return &sesv2.ListTagsForResourceOutput{}, nil
}

func (echoSES) UntagResource(_ context.Context, in *sesv2.UntagResourceInput) (*sesv2.UntagResourceOutput, error) {
	return nil, fault.New(fault.Conflict, "no tags %s", strings.Join(in.TagKeys, "|"))
}

func (echoMail) GetAddressList(_ context.Context, in *mailmanager.GetAddressListInput) (*mailmanager.GetAddressListOutput, error) {
	if err := fail(in.AddressListId); err != nil {
		return nil, err
	}
	return &mailmanager.GetAddressListOutput{
		AddressListId: in.AddressListId, AddressListName: "line\nquote\" back\\ Zürich",
		CreatedTimestamp: noon, LastUpdatedTimestamp: noon.Truncate(time.Second),
	}, nil
}

func (echoMail) ListAddressLists(context.Context, *mailmanager.ListAddressListsInput) (*mailmanager.ListAddressListsOutput, error) {
	return nil, nil
}

func (echoMail) TagResource(_ context.Context, in *mailmanager.TagResourceInput) (*mailmanager.TagResourceOutput, error) {
	return nil, fault.New(fault.Conflict, "%d tags", len(in.Tags))
}

func (echoConnect) ListTagsForResource(_ context.Context, in *qconnect.ListTagsForResourceInput) (*qconnect.ListTagsForResourceOutput, error) {
	return &qconnect.ListTagsForResourceOutput{Tags: map[string]string{"b": "2", "a": in.ResourceArn}}, nil
}

func (echoConnect) TagResource(_ context.Context, in *qconnect.TagResourceInput) (*qconnect.TagResourceOutput, error) {
	return nil, nil
}

func (echoConnect) DeleteImportJob(context.Context, *qconnect.DeleteImportJobInput) (*qconnect.DeleteImportJobOutput, error) {
	return nil, nil
}

func (echoConnect) CreateQuickResponse(_ context.Context, in *qconnect.CreateQuickResponseInput) (*qconnect.CreateQuickResponseOutput, error) {
	return nil, fault.New(fault.LimitExceeded, "content %q is one too many", *in.Content.Content)
}
