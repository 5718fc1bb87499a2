package qconnect

import (
	"context"
	"maps"
	"strings"
	"time"

	api "github.com/sluicehq/sluice/internal/api/qconnect"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// maxTags is how many tags a resource may have, see
// https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html.
const maxTags = 50

// TagResource puts tags on a knowledge base or a quick response.
func (s *Service) TagResource(ctx context.Context, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	err := s.changeTags(ctx, in.ResourceArn, func(tags map[string]string) (map[string]string, error) {
		return service.AddTags(tags, in.Tags, maxTags)
	})
	if err != nil {
		return nil, err
	}
	return &api.TagResourceOutput{}, nil
}

// UntagResource takes tags off a knowledge base or a quick response.
func (s *Service) UntagResource(ctx context.Context, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	err := s.changeTags(ctx, in.ResourceArn, func(tags map[string]string) (map[string]string, error) {
		return service.DropTags(tags, in.TagKeys), nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UntagResourceOutput{}, nil
}

// ListTagsForResource lists the tags of a knowledge base or a quick response.
func (s *Service) ListTagsForResource(ctx context.Context, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	base, id, err := resource(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	if id == "" {
		l, err := s.store.List(ctx, base)
		return &api.ListTagsForResourceOutput{Tags: shownTags(l.Tags)}, noResource(err, in.ResourceArn)
	}
	m, err := s.store.Member(ctx, base, id)
	if err != nil {
		return nil, noResource(err, in.ResourceArn)
	}
	r, err := responseOf(m)
	return &api.ListTagsForResourceOutput{Tags: shownTags(r.Tags)}, err
}

func (s *Service) changeTags(ctx context.Context, arn string, change func(map[string]string) (map[string]string, error)) error {
	base, id, err := resource(ctx, arn)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	if id == "" {
		_, err = s.store.ChangeList(ctx, base, func(l *store.List) error {
			l.Updated = now
			l.Tags, err = change(l.Tags)
			return err
		})
		return noResource(err, arn)
	}
	_, err = s.store.ChangeMember(ctx, base, id, now, func(m *store.Member) error {
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
	return noResource(err, arn)
}

// resource finds what an ARN names: a knowledge base of the caller, or with an id a
// quick response of it. The operations on tags have no word but that something does
// not exist, so that is what things of others do.
func resource(ctx context.Context, text string) (base store.ListRef, id string, err error) {
	arn, err := service.ParseARN(text)
	owner := service.OwnerOf(ctx)
	baseID, id, _ := strings.Cut(arn.ID, "/")
	base = refOf(owner, baseID)
	want := baseARN(base)
	if id != "" {
		want = responseARN(base, id)
	}
	if err != nil || text != want {
		return store.ListRef{}, "", fault.New(fault.NotFound, "resource %s does not exist", text)
	}
	return base, id, nil
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
