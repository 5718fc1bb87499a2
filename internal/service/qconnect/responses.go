package qconnect

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// CreateQuickResponse makes a quick response. Its name and its shortcut key are taken
// in its knowledge base until it gets others or is deleted.
func (s *Service) CreateQuickResponse(ctx context.Context, in *qconnectapi.CreateQuickResponseInput) (*qconnectapi.CreateQuickResponseOutput, error) {
	q, err := newResponse(in)
	if err != nil {
		return nil, err
	}
	base, err := s.base(ctx, in.KnowledgeBaseId)
	if err != nil {
		return nil, err
	}
	if err := mustTakeResponses(base); err != nil {
		return nil, err
	}
	id := uuid.NewString()
	if in.ClientToken != nil {
		q.Input = service.Fingerprint(string(q.Encode()))
		id = tokenID(base.Ref, *in.ClientToken)
	}
	now, most := time.Now().UTC().Truncate(time.Microsecond), s.opts.Limits.Members(destination.QuickResponses)
	err = s.store.PutMember(ctx, base.Ref, id, q.Encode(), now, store.PutOptions{New: true, Max: most, Unique: uniqueKeys(q)})
	r := response{id, now, now, q}
	if in.ClientToken != nil && fault.Is(err, fault.AlreadyExists) {
		r, err = s.repeated(ctx, base.Ref, id, q.Input, err)
	}
	err = noBase(err, base.Ref.ID)
	err = service.Reword(err, fault.LimitExceeded, "a knowledge base has at most %d quick responses", most)
	if err != nil {
		return nil, err
	}
	return &qconnectapi.CreateQuickResponseOutput{QuickResponse: dataOf(base.Ref, r)}, nil
}

// uniqueKeys returns what no other quick response of the knowledge base may have: the
// name of q, and its shortcut key.
func uniqueKeys(q destination.QuickResponse) []store.UniqueKey {
	var keys []store.UniqueKey
	for _, u := range q.UniqueKeys() {
		keys = append(keys, store.UniqueKey(u))
	}
	return keys
}

// tokenSpace is the name space of the ids that client tokens make.
var tokenSpace = uuid.MustParse("5b1f3c9e-6a0d-4e57-9d0a-2f7c8e41b6d3")

// tokenID is the id of what is created under a client token. The store keeps keys
// apart, so of any number of repeats, on any node, one makes the quick response.
func tokenID(base store.ListRef, token string) string {
	parts := service.Fingerprint(base.Owner.Account, base.Owner.Region, base.ID, token)
	return uuid.NewSHA1(tokenSpace, []byte(parts)).String()
}

// repeated answers a creation whose id is taken, or its name or shortcut key, which
// taken says: with what the same token and input made before, as it is now.
func (s *Service) repeated(ctx context.Context, base store.ListRef, id, input string, taken error) (response, error) {
	m, err := s.store.Member(ctx, base, id)
	if errors.Is(err, store.ErrNoMember) {
		return response{}, taken
	}
	if err != nil {
		return response{}, err
	}
	r, err := responseOf(m)
	if err == nil && r.Input != input {
		err = fault.New(fault.Conflict, "the client token was used before, for another quick response")
	}
	return r, err
}

// newResponse reads what is asked for and fills in what is left open.
func newResponse(in *qconnectapi.CreateQuickResponseInput) (destination.QuickResponse, error) {
	if err := mustSay(&in.Name, in.ShortcutKey, in.Content); err != nil {
		return destination.QuickResponse{}, err
	}
	q := destination.QuickResponse{
		Name: in.Name, Content: *in.Content.Content, Channels: in.Channels,
		ContentType: plain, Language: destination.DefaultLanguage, Active: true,
	}
	set(&q.ContentType, in.ContentType)
	set(&q.Description, in.Description)
	set(&q.ShortcutKey, in.ShortcutKey)
	set(&q.Active, in.IsActive)
	if err := setLanguage(&q, in.Language); err != nil {
		return q, err
	}
	if err := setGrouping(&q, in.GroupingConfiguration); err != nil {
		return q, err
	}
	var err error
	q.Tags, err = service.AddTags(nil, in.Tags, maxTags)
	return q, err
}

// GetQuickResponse tells about a quick response.
func (s *Service) GetQuickResponse(ctx context.Context, in *qconnectapi.GetQuickResponseInput) (*qconnectapi.GetQuickResponseOutput, error) {
	base, id, err := s.response(ctx, in.KnowledgeBaseId, in.QuickResponseId)
	if err != nil {
		return nil, err
	}
	m, err := s.store.Member(ctx, base, id)
	if err != nil {
		return nil, noResponse(err, base.ID, id)
	}
	r, err := responseOf(m)
	return &qconnectapi.GetQuickResponseOutput{QuickResponse: dataOf(base, r)}, err
}

// ListQuickResponses lists a knowledge base's quick responses in the order of their
// ids.
func (s *Service) ListQuickResponses(ctx context.Context, in *qconnectapi.ListQuickResponsesInput) (*qconnectapi.ListQuickResponsesOutput, error) {
	base, err := s.base(ctx, in.KnowledgeBaseId)
	if err != nil {
		return nil, err
	}
	listing := service.Listing{Operation: "ListQuickResponses", Owner: base.Ref.Owner, Filter: []string{base.Ref.ID}}
	page, err := s.tokens.Page(listing, in.NextToken, in.MaxResults, maxPage)
	if err != nil {
		return nil, err
	}
	members, after, err := s.store.ListMembers(ctx, base.Ref, store.MemberFilter{}, page)
	if err != nil {
		return nil, noBase(err, base.Ref.ID)
	}
	out := &qconnectapi.ListQuickResponsesOutput{
		QuickResponseSummaries: []qconnectapi.QuickResponseSummary{}, NextToken: s.tokens.Next(listing, after),
	}
	for _, m := range members {
		r, err := responseOf(m)
		if err != nil {
			return nil, err
		}
		out.QuickResponseSummaries = append(out.QuickResponseSummaries, summaryOf(base.Ref, r))
	}
	return out, nil
}

// DeleteQuickResponse deletes a quick response, and its name and shortcut key are free.
func (s *Service) DeleteQuickResponse(ctx context.Context, in *qconnectapi.DeleteQuickResponseInput) (*qconnectapi.DeleteQuickResponseOutput, error) {
	base, id, err := s.response(ctx, in.KnowledgeBaseId, in.QuickResponseId)
	if err != nil {
		return nil, err
	}
	if err := s.store.DeleteMember(ctx, base, id); err != nil {
		return nil, noResponse(err, base.ID, id)
	}
	return &qconnectapi.DeleteQuickResponseOutput{}, nil
}

// response returns a knowledge base of the caller and the id of a quick response of
// it, which may or may not be there.
func (s *Service) response(ctx context.Context, baseID, idOrARN string) (store.ListRef, string, error) {
	base, err := s.base(ctx, baseID)
	if err != nil {
		return store.ListRef{}, "", err
	}
	id, err := responseID(base.Ref, idOrARN)
	return base.Ref, id, err
}

// noResponse words the error of a quick response or a knowledge base that does not exist.
func noResponse(err error, base, id string) error {
	if errors.Is(err, store.ErrNoMember) {
		return fault.New(fault.NotFound, "quick response %s does not exist", id)
	}
	return noBase(err, base)
}
