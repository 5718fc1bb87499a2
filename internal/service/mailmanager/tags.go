package mailmanager

import (
	"context"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// maxTags is how many tags a list may have: as many as the table lets one call bring.
const maxTags = 200

// arnKind is the word for address lists in their names, see the service authorization
// reference,
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsesmailmanager.html.
const arnKind = "mailmanager-address-list"

// TagResource puts tags on an address list.
func (s *Service) TagResource(ctx context.Context, in *mailmanagerapi.TagResourceInput) (*mailmanagerapi.TagResourceOutput, error) {
	r, err := s.resource(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return nil, r.ChangeTags(ctx, service.AddingTags(tagMap(in.Tags), maxTags))
}

// UntagResource takes tags off an address list.
func (s *Service) UntagResource(ctx context.Context, in *mailmanagerapi.UntagResourceInput) (*mailmanagerapi.UntagResourceOutput, error) {
	r, err := s.resource(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return nil, r.ChangeTags(ctx, service.DroppingTags(in.TagKeys))
}

// ListTagsForResource lists an address list's tags in the order of their keys.
func (s *Service) ListTagsForResource(ctx context.Context, in *mailmanagerapi.ListTagsForResourceInput) (*mailmanagerapi.ListTagsForResourceOutput, error) {
	r, err := s.resource(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	tags, err := r.Tags(ctx)
	if err != nil {
		return nil, err
	}
	return &mailmanagerapi.ListTagsForResourceOutput{Tags: service.TagList(tags, func(k, v string) mailmanagerapi.Tag { return mailmanagerapi.Tag{Key: k, Value: v} })}, nil
}

// resource finds the list that an ARN names. One of another account or region, or of
// a kind that is not served, does not exist for the caller.
func (s *Service) resource(ctx context.Context, text string) (service.Tagged, error) {
	arn, err := service.ParseARN(text)
	ref := refOf(ctx, arn.ID)
	if err != nil || arn != arnOf(ref) {
		return nil, fault.New(fault.NotFound, "resource %s does not exist", text)
	}
	return service.TaggedList{Store: s.store, Ref: ref, Missing: func(err error) error {
		return service.Reword(err, fault.NotFound, "resource %s does not exist", text)
	}}, nil
}

func arnOf(r store.ListRef) service.ARN {
	return service.ARN{Service: "ses", Owner: r.Owner, Kind: arnKind, ID: r.ID}
}

func tagMap(tags []mailmanagerapi.Tag) map[string]string {
	return service.TagMap(tags, func(t mailmanagerapi.Tag) (string, string) { return t.Key, t.Value })
}

// flat lists tags as a fingerprint takes them; no key has a zero byte in it.
func flat(tags map[string]string) []string {
	return service.TagList(tags, func(k, v string) string { return k + "\x00" + v })
}
