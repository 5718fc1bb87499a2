package mailmanager

import (
	"context"
	"time"

	api "github.com/sluicehq/sluice/internal/api/mailmanager"
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
func (s *Service) TagResource(ctx context.Context, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	err := s.changeTags(ctx, in.ResourceArn, func(tags map[string]string) (map[string]string, error) {
		return service.AddTags(tags, tagMap(in.Tags), maxTags)
	})
	if err != nil {
		return nil, err
	}
	return &api.TagResourceOutput{}, nil
}

// UntagResource takes tags off an address list.
func (s *Service) UntagResource(ctx context.Context, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	err := s.changeTags(ctx, in.ResourceArn, func(tags map[string]string) (map[string]string, error) {
		return service.DropTags(tags, in.TagKeys), nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UntagResourceOutput{}, nil
}

// ListTagsForResource lists an address list's tags in the order of their keys.
func (s *Service) ListTagsForResource(ctx context.Context, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	ref, err := resource(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	l, err := s.store.List(ctx, ref)
	if err != nil {
		return nil, service.Reword(err, fault.NotFound, "resource %s does not exist", in.ResourceArn)
	}
	return &api.ListTagsForResourceOutput{Tags: service.TagList(l.Tags, func(k, v string) api.Tag { return api.Tag{Key: k, Value: v} })}, nil
}

func (s *Service) changeTags(ctx context.Context, arn string, change func(map[string]string) (map[string]string, error)) error {
	ref, err := resource(ctx, arn)
	if err != nil {
		return err
	}
	_, err = s.store.ChangeList(ctx, ref, func(l *store.List) error {
		tags, err := change(l.Tags)
		if err != nil {
			return err
		}
		l.Tags, l.Updated = tags, time.Now().UTC()
		return nil
	})
	return service.Reword(err, fault.NotFound, "resource %s does not exist", arn)
}

// resource finds the list that an ARN names. One of another account or region, or of
// a kind that is not served, does not exist for the caller.
func resource(ctx context.Context, text string) (store.ListRef, error) {
	arn, err := service.ParseARN(text)
	if err != nil || arn != arnOf(refOf(ctx, arn.ID)) {
		return store.ListRef{}, fault.New(fault.NotFound, "resource %s does not exist", text)
	}
	return refOf(ctx, arn.ID), nil
}

func arnOf(r store.ListRef) service.ARN {
	return service.ARN{Service: "ses", Owner: r.Owner, Kind: arnKind, ID: r.ID}
}

func tagMap(tags []api.Tag) map[string]string {
	return service.TagMap(tags, func(t api.Tag) (string, string) { return t.Key, t.Value })
}

// flat lists tags as a fingerprint takes them; no key has a zero byte in it.
func flat(tags map[string]string) []string {
	return service.TagList(tags, func(k, v string) string { return k + "\x00" + v })
}
