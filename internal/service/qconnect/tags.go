package qconnect

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// maxTags is how many tags a resource may have, see
// https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html.
const maxTags = 50

// TagResource puts tags on a knowledge base or a quick response.
func (s *Service) TagResource(ctx context.Context, in *qconnectapi.TagResourceInput) (*qconnectapi.TagResourceOutput, error) {
	r, err := s.resource(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return nil, r.ChangeTags(ctx, service.AddingTags(in.Tags, maxTags))
}

// UntagResource takes tags off a knowledge base or a quick response.
func (s *Service) UntagResource(ctx context.Context, in *qconnectapi.UntagResourceInput) (*qconnectapi.UntagResourceOutput, error) {
	r, err := s.resource(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return nil, r.ChangeTags(ctx, service.DroppingTags(in.TagKeys))
}

// ListTagsForResource lists the tags of a knowledge base or a quick response.
func (s *Service) ListTagsForResource(ctx context.Context, in *qconnectapi.ListTagsForResourceInput) (*qconnectapi.ListTagsForResourceOutput, error) {
	r, err := s.resource(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	tags, err := r.Tags(ctx)
	if err != nil {
		return nil, err
	}
	return &qconnectapi.ListTagsForResourceOutput{Tags: shownTags(tags)}, nil
}

// resource finds what an ARN names: a knowledge base of the caller, or a quick response of
// one. The operations on tags have no error but that something does not exist, so that
// is the error for what others have.
func (s *Service) resource(ctx context.Context, text string) (service.Tagged, error) {
	arn, err := service.ParseARN(text)
	baseID, id, _ := strings.Cut(arn.ID, "/")
	base := refOf(service.OwnerOf(ctx), baseID)
	want := baseARN(base)
	if id != "" {
		want = responseARN(base, id)
	}
	if err != nil || text != want {
		return nil, fault.New(fault.NotFound, "resource %s does not exist", text)
	}
	if id != "" {
		return taggedResponse{s, base, id, text}, nil
	}
	return service.TaggedList{Store: s.store, Ref: base, Missing: func(err error) error { return noResource(err, text) }}, nil
}

// taggedResponse is a quick response as a resource with tags.
type taggedResponse struct {
	service *Service
	base    store.ListRef
	id      string
	arn     string
}

func (t taggedResponse) Tags(ctx context.Context) (map[string]string, error) {
	m, err := t.service.store.Member(ctx, t.base, t.id)
	if err != nil {
		return nil, noResource(err, t.arn)
	}
	r, err := responseOf(m)
	return r.Tags, err
}

func (t taggedResponse) ChangeTags(ctx context.Context, change service.TagChange) error {
	_, err := t.service.store.ChangeMember(ctx, t.base, t.id, time.Now().UTC(), func(m *store.Member) error {
		r, err := responseOf(*m)
		if err != nil {
			return err
		}
		if r.Tags, err = change(r.Tags); err != nil {
			return err
		}
		m.Value = r.Encode()
		return nil
	})
	return noResource(err, t.arn)
}

// noResource words the fault of a resource that is not there.
func noResource(err error, arn string) error {
	return service.Reword(err, fault.NotFound, "resource %s does not exist", arn)
}

// shownTags is tags as a member of a reply: a map also when there are none.
func shownTags(tags map[string]string) map[string]string {
	shown := make(map[string]string, len(tags))
	maps.Copy(shown, tags)
	return shown
}
