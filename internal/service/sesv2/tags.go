package sesv2

import (
	"context"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/service"
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

// TagResource puts tags on an import job or a contact list.
func (s *Service) TagResource(ctx context.Context, in *sesv2api.TagResourceInput) (*sesv2api.TagResourceOutput, error) {
	r, err := s.resource(ctx, in.ResourceArn, "Failed to tag resource")
	if err != nil {
		return nil, err
	}
	return nil, r.ChangeTags(ctx, func(have map[string]string) (map[string]string, error) { return addTags(have, in.Tags) })
}

// UntagResource takes tags off an import job or a contact list.
func (s *Service) UntagResource(ctx context.Context, in *sesv2api.UntagResourceInput) (*sesv2api.UntagResourceOutput, error) {
	r, err := s.resource(ctx, in.ResourceArn, "Failed to untag resource")
	if err != nil {
		return nil, err
	}
	return nil, r.ChangeTags(ctx, service.DroppingTags(in.TagKeys))
}

// ListTagsForResource lists a resource's tags in the order of their keys.
func (s *Service) ListTagsForResource(ctx context.Context, in *sesv2api.ListTagsForResourceInput) (*sesv2api.ListTagsForResourceOutput, error) {
	r, err := s.resource(ctx, in.ResourceArn, "Failed to list tags for resource")
	if err != nil {
		return nil, err
	}
	tags, err := r.Tags(ctx)
	if err != nil {
		return nil, err
	}
	return &sesv2api.ListTagsForResourceOutput{Tags: tagList(tags)}, nil
}

// resource finds what an ARN names: an import job, or a contact list. One of another
// account or region is refused with the sentence that AWS has for it.
func (s *Service) resource(ctx context.Context, text, refusal string) (service.Tagged, error) {
	arn, err := service.ParseARN(text)
	switch {
	case err != nil:
		return nil, err
	case arn.Service != "ses" || arn.Owner != service.OwnerOf(ctx):
		return nil, fault.New(fault.Invalid, "%s", refusal)
	case arn.Kind == importJob:
		return taggedJob{s, arn.ID}, nil
	case arn.Kind == contactList:
		return service.TaggedList{Store: s.store, Ref: contactListOf(ctx, arn.ID), Missing: func(err error) error {
			return service.Reword(err, fault.NotFound, "No ContactList present with name: %s", arn.ID)
		}}, nil
	}
	return nil, fault.New(fault.NotFound, "resource %s does not exist", text)
}

// taggedJob is an import job as a resource with tags.
type taggedJob struct {
	service *Service
	id      string
}

func (t taggedJob) Tags(ctx context.Context) (map[string]string, error) {
	j, err := t.service.job(ctx, t.id)
	return j.Tags, err
}

func (t taggedJob) ChangeTags(ctx context.Context, change service.TagChange) error {
	_, err := t.service.store.ChangeJob(ctx, service.OwnerOf(ctx), job.ID(t.id), func(j *job.Job) error {
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
	return service.Reword(err, fault.NotFound, "import job %s does not exist", t.id)
}

// addTags returns have with more put over it, within the bounds of a resource's tags.
func addTags(have map[string]string, more []sesv2api.Tag) (map[string]string, error) {
	for _, t := range more {
		if n := utf8.RuneCountInString(t.Key); n < 1 || n > maxTagKey {
			return nil, fault.New(fault.Invalid, "a tag key has 1 to %d characters", maxTagKey)
		}
		if utf8.RuneCountInString(t.Value) > maxTagValue {
			return nil, fault.New(fault.Invalid, "a tag value has at most %d characters", maxTagValue)
		}
	}
	return service.AddTags(have, service.TagMap(more, func(t sesv2api.Tag) (string, string) { return t.Key, t.Value }), maxTags)
}

func tagList(tags map[string]string) []sesv2api.Tag {
	return service.TagList(tags, func(k, v string) sesv2api.Tag { return sesv2api.Tag{Key: k, Value: v} })
}
