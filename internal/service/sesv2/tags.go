package sesv2

import (
	"context"
	"time"
	"unicode/utf8"

	api "github.com/sluicehq/sluice/internal/api/sesv2"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// Bounds of a resource's tags, of which the model is silent, see
// https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Tag.html.
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

// The words for resources in their names, see
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html.
const (
	importJob   = "import-job"
	contactList = "contact-list"
)

// resource is what can have tags: an import job, or a contact list.
type resource struct{ kind, id string }

// absent is the refusal of a resource that is not there.
func (r resource) absent(err error) error {
	if r.kind == contactList {
		return service.Reword(err, fault.NotFound, "No ContactList present with name: %s", r.id)
	}
	return service.Reword(err, fault.NotFound, "import job %s does not exist", r.id)
}

// TagResource puts tags on an import job or a contact list.
func (s *Service) TagResource(ctx context.Context, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	r, err := findResource(ctx, in.ResourceArn, "Failed to tag resource")
	if err != nil {
		return nil, err
	}
	err = s.changeTags(ctx, r, func(tags map[string]string) (map[string]string, error) {
		return addTags(tags, in.Tags)
	})
	if err != nil {
		return nil, err
	}
	return &api.TagResourceOutput{}, nil
}

// UntagResource takes tags off an import job or a contact list.
func (s *Service) UntagResource(ctx context.Context, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	r, err := findResource(ctx, in.ResourceArn, "Failed to untag resource")
	if err != nil {
		return nil, err
	}
	err = s.changeTags(ctx, r, func(tags map[string]string) (map[string]string, error) {
		return service.DropTags(tags, in.TagKeys), nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UntagResourceOutput{}, nil
}

// ListTagsForResource lists a resource's tags in the order of their keys.
func (s *Service) ListTagsForResource(ctx context.Context, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	r, err := findResource(ctx, in.ResourceArn, "Failed to list tags for resource")
	if err != nil {
		return nil, err
	}
	tags, err := s.tags(ctx, r)
	if err != nil {
		return nil, err
	}
	return &api.ListTagsForResourceOutput{Tags: tagList(tags)}, nil
}

func (s *Service) tags(ctx context.Context, r resource) (map[string]string, error) {
	if r.kind == contactList {
		l, err := s.store.List(ctx, contactListOf(ctx, r.id))
		return l.Tags, r.absent(err)
	}
	j, err := s.job(ctx, r.id)
	return j.Tags, err
}

func (s *Service) changeTags(ctx context.Context, r resource, change func(map[string]string) (map[string]string, error)) error {
	if r.kind == contactList {
		_, err := s.store.ChangeList(ctx, contactListOf(ctx, r.id), func(l *store.List) error {
			tags, err := change(l.Tags)
			if err != nil {
				return err
			}
			l.Tags, l.Updated = tags, time.Now().UTC()
			return nil
		})
		return r.absent(err)
	}
	_, err := s.store.ChangeJob(ctx, service.OwnerOf(ctx), job.ID(r.id), func(j *job.Job) error {
		if j.Wire != job.SESv2 {
			return fault.New(fault.NotFound, "a job of another API")
		}
		tags, err := change(j.Tags)
		if err != nil {
			return err
		}
		j.Tags = tags
		return nil
	})
	return r.absent(err)
}

// findResource reads which resource an ARN names. One of another account or region is
// refused with the sentence that AWS has for it.
func findResource(ctx context.Context, text, refusal string) (resource, error) {
	arn, err := service.ParseARN(text)
	if err != nil {
		return resource{}, err
	}
	switch {
	case arn.Service != "ses" || arn.Owner != service.OwnerOf(ctx):
		return resource{}, fault.New(fault.Invalid, "%s", refusal)
	case arn.Kind != importJob && arn.Kind != contactList:
		return resource{}, fault.New(fault.NotFound, "resource %s does not exist", text)
	}
	return resource{kind: arn.Kind, id: arn.ID}, nil
}

// addTags returns have with more put over it, within the bounds of a resource's tags.
func addTags(have map[string]string, more []api.Tag) (map[string]string, error) {
	for _, t := range more {
		if n := utf8.RuneCountInString(t.Key); n < 1 || n > maxTagKey {
			return nil, fault.New(fault.Invalid, "a tag key has 1 to %d characters", maxTagKey)
		}
		if utf8.RuneCountInString(t.Value) > maxTagValue {
			return nil, fault.New(fault.Invalid, "a tag value has at most %d characters", maxTagValue)
		}
	}
	return service.AddTags(have, service.TagMap(more, func(t api.Tag) (string, string) { return t.Key, t.Value }), maxTags)
}

func tagList(tags map[string]string) []api.Tag {
	return service.TagList(tags, func(k, v string) api.Tag { return api.Tag{Key: k, Value: v} })
}
