package sesv2

import (
	"context"
	"unicode/utf8"

	api "github.com/sluicehq/sluice/internal/api/sesv2"
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

// TagResource puts tags on an import job.
func (s *Service) TagResource(ctx context.Context, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	id, err := s.resource(ctx, in.ResourceArn, "Failed to tag resource")
	if err != nil {
		return nil, err
	}
	for _, t := range in.Tags {
		if n := utf8.RuneCountInString(t.Key); n < 1 || n > maxTagKey {
			return nil, fault.New(fault.Invalid, "a tag key has 1 to %d characters", maxTagKey)
		}
		if utf8.RuneCountInString(t.Value) > maxTagValue {
			return nil, fault.New(fault.Invalid, "a tag value has at most %d characters", maxTagValue)
		}
	}
	more := service.TagMap(in.Tags, func(t api.Tag) (string, string) { return t.Key, t.Value })
	err = s.changeTags(ctx, id, func(tags map[string]string) (map[string]string, error) {
		return service.AddTags(tags, more, maxTags)
	})
	if err != nil {
		return nil, err
	}
	return &api.TagResourceOutput{}, nil
}

// UntagResource takes tags off an import job.
func (s *Service) UntagResource(ctx context.Context, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	id, err := s.resource(ctx, in.ResourceArn, "Failed to untag resource")
	if err != nil {
		return nil, err
	}
	err = s.changeTags(ctx, id, func(tags map[string]string) (map[string]string, error) {
		return service.DropTags(tags, in.TagKeys), nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UntagResourceOutput{}, nil
}

// ListTagsForResource lists an import job's tags in the order of their keys.
func (s *Service) ListTagsForResource(ctx context.Context, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	id, err := s.resource(ctx, in.ResourceArn, "Failed to list tags for resource")
	if err != nil {
		return nil, err
	}
	j, err := s.job(ctx, string(id))
	if err != nil {
		return nil, err
	}
	return &api.ListTagsForResourceOutput{Tags: service.TagList(j.Tags, func(k, v string) api.Tag { return api.Tag{Key: k, Value: v} })}, nil
}

func (s *Service) changeTags(ctx context.Context, id job.ID, change func(map[string]string) (map[string]string, error)) error {
	_, err := s.store.ChangeJob(ctx, service.OwnerOf(ctx), id, func(j *job.Job) error {
		if j.Wire != job.SESv2 {
			return fault.New(fault.NotFound, "import job %s does not exist", id)
		}
		tags, err := change(j.Tags)
		if err != nil {
			return err
		}
		j.Tags = tags
		return nil
	})
	return service.Reword(err, fault.NotFound, "import job %s does not exist", id)
}

// resource finds the import job that an ARN names. One of another account or region
// is refused with the sentence that AWS has for it.
func (s *Service) resource(ctx context.Context, text, refusal string) (job.ID, error) {
	arn, err := service.ParseARN(text)
	if err != nil {
		return "", err
	}
	owner := service.OwnerOf(ctx)
	switch {
	case arn.Service != "ses" || arn.Owner != owner:
		return "", fault.New(fault.Invalid, "%s", refusal)
	case arn.Kind == contactList:
		return "", fault.New(fault.NotFound, "No ContactList present with name: %s", arn.ID)
	case arn.Kind != importJob:
		return "", fault.New(fault.NotFound, "resource %s does not exist", text)
	}
	return job.ID(arn.ID), nil
}
