package qconnect

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// maxPage is the largest page of every listing; it is the table's.
const maxPage = 100

// settings is what a knowledge base was created with beside its name and tags, kept
// as the list's Config. All but the type is shown again and means nothing here.
type settings struct {
	Type        qconnectapi.KnowledgeBaseType                  `json:"type"`
	Description *string                                        `json:"description,omitempty"`
	Rendering   *qconnectapi.RenderingConfiguration            `json:"rendering,omitempty"`
	Encryption  *qconnectapi.ServerSideEncryptionConfiguration `json:"encryption,omitempty"`
	Source      *qconnectapi.SourceConfiguration               `json:"source,omitempty"`
	Vector      *qconnectapi.VectorIngestionConfiguration      `json:"vector,omitempty"`
}

func settingsOf(l store.List) (settings, error) {
	var c settings
	if err := json.Unmarshal(l.Config, &c); err != nil {
		return settings{}, fmt.Errorf("read the settings of knowledge base %s: %w", l.Ref.ID, err)
	}
	return c, nil
}

// encode writes what this package keeps with lists and jobs: structures of texts and
// numbers.
func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // cannot be
	}
	return text
}

// CreateKnowledgeBase makes an empty knowledge base, of any type. Its name is taken
// until it is deleted.
func (s *Service) CreateKnowledgeBase(ctx context.Context, in *qconnectapi.CreateKnowledgeBaseInput) (*qconnectapi.CreateKnowledgeBaseOutput, error) {
	tags, err := service.AddTags(nil, in.Tags, maxTags)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	l := store.List{
		Ref: refOf(service.OwnerOf(ctx), uuid.NewString()), Name: in.Name,
		Created: now, Updated: now, Tags: tags, UniqueKeys: true,
		Config: encode(settings{
			Type: in.KnowledgeBaseType, Description: in.Description, Rendering: in.RenderingConfiguration,
			Encryption: in.ServerSideEncryptionConfiguration, Source: in.SourceConfiguration, Vector: in.VectorIngestionConfiguration,
		}),
	}
	most := s.opts.Limits.KnowledgeBases
	once := service.Repeatable(in.ClientToken, in.Name, string(l.Config), string(encode(tags)))
	l, err = s.store.CreateList(ctx, l, once, most)
	err = service.Reword(err, fault.AlreadyExists, "a knowledge base named %s already exists", in.Name)
	err = service.Reword(err, fault.LimitExceeded, "an account has at most %d knowledge bases in a region", most)
	err = service.Reword(err, fault.Conflict, "the client token was used before, for another knowledge base")
	if err != nil {
		return nil, err
	}
	v, err := baseView(l)
	return &qconnectapi.CreateKnowledgeBaseOutput{KnowledgeBase: v}, err
}

// GetKnowledgeBase tells about a knowledge base.
func (s *Service) GetKnowledgeBase(ctx context.Context, in *qconnectapi.GetKnowledgeBaseInput) (*qconnectapi.GetKnowledgeBaseOutput, error) {
	l, err := s.base(ctx, in.KnowledgeBaseId)
	if err != nil {
		return nil, err
	}
	v, err := baseView(l)
	return &qconnectapi.GetKnowledgeBaseOutput{KnowledgeBase: v}, err
}

// ListKnowledgeBases lists the caller's knowledge bases, oldest first.
func (s *Service) ListKnowledgeBases(ctx context.Context, in *qconnectapi.ListKnowledgeBasesInput) (*qconnectapi.ListKnowledgeBasesOutput, error) {
	listing := service.Listing{Operation: "ListKnowledgeBases", Owner: service.OwnerOf(ctx)}
	page, err := s.tokens.Page(listing, in.NextToken, in.MaxResults, maxPage)
	if err != nil {
		return nil, err
	}
	lists, after, err := s.store.ListLists(ctx, listing.Owner, destination.QuickResponses, page)
	if err != nil {
		return nil, err
	}
	out := &qconnectapi.ListKnowledgeBasesOutput{
		KnowledgeBaseSummaries: []qconnectapi.KnowledgeBaseSummary{}, NextToken: s.tokens.Next(listing, after),
	}
	for _, l := range lists {
		v, err := baseView(l)
		if err != nil {
			return nil, err
		}
		out.KnowledgeBaseSummaries = append(out.KnowledgeBaseSummaries, qconnectapi.KnowledgeBaseSummary{
			Description:                       v.Description,
			KnowledgeBaseArn:                  v.KnowledgeBaseArn,
			KnowledgeBaseId:                   v.KnowledgeBaseId,
			KnowledgeBaseType:                 v.KnowledgeBaseType,
			Name:                              v.Name,
			RenderingConfiguration:            v.RenderingConfiguration,
			ServerSideEncryptionConfiguration: v.ServerSideEncryptionConfiguration,
			SourceConfiguration:               v.SourceConfiguration,
			Status:                            v.Status,
			Tags:                              v.Tags,
			VectorIngestionConfiguration:      v.VectorIngestionConfiguration,
		})
	}
	return out, nil
}

// DeleteKnowledgeBase deletes a knowledge base with its quick responses and its import
// jobs. While one of them has not ended it is refused. It takes no longer with many jobs:
// the store removes their rows afterwards. Their files and reports belong to no job then,
// as an upload does that was never used.
func (s *Service) DeleteKnowledgeBase(ctx context.Context, in *qconnectapi.DeleteKnowledgeBaseInput) (*qconnectapi.DeleteKnowledgeBaseOutput, error) {
	l, err := s.base(ctx, in.KnowledgeBaseId)
	if err != nil {
		return nil, err
	}
	j, ok, err := s.store.UnfinishedJob(ctx, l.Ref, job.Created, job.Processing)
	if err != nil {
		return nil, err
	}
	if ok {
		return nil, fault.New(fault.Conflict, "knowledge base %s is in use: import job %s is %s", l.Ref.ID, j.ID, status(j))
	}
	err = s.store.DeleteListWithJobs(ctx, l.Ref)
	err = service.Reword(err, fault.Conflict, "knowledge base %s is in use: an import job has just been started", l.Ref.ID)
	if err != nil {
		return nil, noBase(err, l.Ref.ID)
	}
	return &qconnectapi.DeleteKnowledgeBaseOutput{}, nil
}

// baseView is a knowledge base as the API shows it.
func baseView(l store.List) (*qconnectapi.KnowledgeBaseData, error) {
	c, err := settingsOf(l)
	if err != nil {
		return nil, err
	}
	return &qconnectapi.KnowledgeBaseData{
		Description:                       c.Description,
		KnowledgeBaseArn:                  baseARN(l.Ref),
		KnowledgeBaseId:                   l.Ref.ID,
		KnowledgeBaseType:                 c.Type,
		Name:                              l.Name,
		RenderingConfiguration:            c.Rendering,
		ServerSideEncryptionConfiguration: c.Encryption,
		SourceConfiguration:               c.Source,
		Status:                            qconnectapi.KnowledgeBaseStatusActive,
		Tags:                              shownTags(l.Tags),
		VectorIngestionConfiguration:      c.Vector,
	}, nil
}

// mustTakeResponses refuses to put quick responses into a base that is for something
// else.
func mustTakeResponses(l store.List) error {
	c, err := settingsOf(l)
	if err != nil || c.Type == qconnectapi.KnowledgeBaseTypeQuickResponses {
		return err
	}
	return fault.New(fault.Invalid, "knowledge base %s is of type %s: quick responses need one of type %s",
		l.Ref.ID, c.Type, qconnectapi.KnowledgeBaseTypeQuickResponses)
}
