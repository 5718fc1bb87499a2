package wire_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/wire"
)

// The echo services answer with what they were asked, so that a reply shows what
// crossed the wire.
type (
	echoSES     struct{ sesv2api.Unimplemented }
	echoMail    struct{ mailmanagerapi.Unimplemented }
	echoConnect struct{ qconnectapi.Unimplemented }
)

func newMux(opts wire.Options) *wire.Mux {
	return wire.NewMux(opts, sesv2api.New(echoSES{}), mailmanagerapi.New(echoMail{}), qconnectapi.New(echoConnect{}))
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

func (echoSES) GetImportJob(_ context.Context, in *sesv2api.GetImportJobInput) (*sesv2api.GetImportJobOutput, error) {
	if err := fail(in.JobId); err != nil {
		return nil, err
	}
	return &sesv2api.GetImportJobOutput{
		JobId: new(in.JobId), JobStatus: sesv2api.JobStatusCompleted,
		CreatedTimestamp: new(noon), CompletedTimestamp: new(noon.Add(408 * time.Millisecond)),
		ProcessedRecordsCount: new(int64(10)), FailedRecordsCount: new(int64(0)),
	}, nil
}

func (echoSES) CreateImportJob(_ context.Context, in *sesv2api.CreateImportJobInput) (*sesv2api.CreateImportJobOutput, error) {
	return &sesv2api.CreateImportJobOutput{
		JobId: new(string(in.ImportDestination.SuppressionListDestination.SuppressionListImportAction) + " " + in.ImportDataSource.S3Url),
	}, nil
}

func (echoSES) GetSuppressedDestination(_ context.Context, in *sesv2api.GetSuppressedDestinationInput) (*sesv2api.GetSuppressedDestinationOutput, error) {
	return &sesv2api.GetSuppressedDestinationOutput{SuppressedDestination: &sesv2api.SuppressedDestination{
		EmailAddress: in.EmailAddress, Reason: sesv2api.SuppressionListReasonBounce, LastUpdateTime: noon,
	}}, nil
}

func (echoSES) ListSuppressedDestinations(_ context.Context, in *sesv2api.ListSuppressedDestinationsInput) (*sesv2api.ListSuppressedDestinationsOutput, error) {
	var all []sesv2api.SuppressedDestinationSummary
	for _, reason := range in.Reasons {
		all = append(all, sesv2api.SuppressedDestinationSummary{
			EmailAddress: "since " + text(in.StartDate), Reason: reason, LastUpdateTime: *in.StartDate,
		})
	}
	return &sesv2api.ListSuppressedDestinationsOutput{SuppressedDestinationSummaries: all}, nil
}

func (echoSES) ListImportJobs(_ context.Context, in *sesv2api.ListImportJobsInput) (*sesv2api.ListImportJobsOutput, error) {
	return &sesv2api.ListImportJobsOutput{
		ImportJobs: []sesv2api.ImportJobSummary{},
		NextToken:  new(fmt.Sprintf("%s %s %s", in.ImportDestinationType, text(in.PageSize), text(in.NextToken))),
	}, nil
}

func (echoSES) ListContacts(_ context.Context, in *sesv2api.ListContactsInput) (*sesv2api.ListContactsOutput, error) {
	return &sesv2api.ListContactsOutput{
		NextToken: new(fmt.Sprintf("%s %s %s %s", in.ContactListName, in.Filter.FilteredStatus, text(in.PageSize), text(in.NextToken))),
	}, nil
}

func (echoSES) CreateContact(_ context.Context, in *sesv2api.CreateContactInput) (*sesv2api.CreateContactOutput, error) {
	if !*in.UnsubscribeAll {
		return nil, fault.New(fault.AlreadyExists, "%s already exists in List.", in.EmailAddress)
	}
	return nil, nil
}

func (echoSES) ListTagsForResource(context.Context, *sesv2api.ListTagsForResourceInput) (*sesv2api.ListTagsForResourceOutput, error) {
	return &sesv2api.ListTagsForResourceOutput{}, nil
}

func (echoSES) UntagResource(_ context.Context, in *sesv2api.UntagResourceInput) (*sesv2api.UntagResourceOutput, error) {
	return nil, fault.New(fault.Conflict, "no tags %s", strings.Join(in.TagKeys, "|"))
}

func (echoMail) GetAddressList(_ context.Context, in *mailmanagerapi.GetAddressListInput) (*mailmanagerapi.GetAddressListOutput, error) {
	if err := fail(in.AddressListId); err != nil {
		return nil, err
	}
	return &mailmanagerapi.GetAddressListOutput{
		AddressListId: in.AddressListId, AddressListName: "line\nquote\" back\\ Zürich",
		CreatedTimestamp: noon, LastUpdatedTimestamp: noon.Truncate(time.Second),
	}, nil
}

func (echoMail) ListAddressLists(context.Context, *mailmanagerapi.ListAddressListsInput) (*mailmanagerapi.ListAddressListsOutput, error) {
	return nil, nil
}

func (echoMail) TagResource(_ context.Context, in *mailmanagerapi.TagResourceInput) (*mailmanagerapi.TagResourceOutput, error) {
	return nil, fault.New(fault.Conflict, "%d tags", len(in.Tags))
}

func (echoConnect) ListTagsForResource(_ context.Context, in *qconnectapi.ListTagsForResourceInput) (*qconnectapi.ListTagsForResourceOutput, error) {
	return &qconnectapi.ListTagsForResourceOutput{Tags: map[string]string{"b": "2", "a": in.ResourceArn}}, nil
}

func (echoConnect) TagResource(_ context.Context, in *qconnectapi.TagResourceInput) (*qconnectapi.TagResourceOutput, error) {
	return nil, nil
}

func (echoConnect) DeleteImportJob(context.Context, *qconnectapi.DeleteImportJobInput) (*qconnectapi.DeleteImportJobOutput, error) {
	return nil, nil
}

func (echoConnect) CreateQuickResponse(_ context.Context, in *qconnectapi.CreateQuickResponseInput) (*qconnectapi.CreateQuickResponseOutput, error) {
	return nil, fault.New(fault.LimitExceeded, "content %q is one too many", *in.Content.Content)
}
