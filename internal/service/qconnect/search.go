package qconnect

import (
	"context"
	"encoding/json"
	"fmt"

	api "github.com/sluicehq/sluice/internal/api/qconnect"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

const (
	// maxFound is the largest page of a search.
	maxFound = 100
	// searchChunk is how many members a search has in memory at a time.
	searchChunk = 256
	// maxContents is how many bytes of content a page may have, beyond what its first
	// response has. Only attributes make it as much: as stored, a hundred responses
	// have less.
	maxContents = 1 << 20
)

// SearchQuickResponses finds the quick responses of a knowledge base that match one of
// the queries, or all if there is no query, and pass every filter.
//
// There is no index: a search reads the base from end to end and keeps one page of
// what is best. What it costs grows with the base, and what it remembers does not.
func (s *Service) SearchQuickResponses(ctx context.Context, in *api.SearchQuickResponsesInput) (*api.SearchQuickResponsesOutput, error) {
	base, err := s.base(ctx, in.KnowledgeBaseId)
	if err != nil {
		return nil, err
	}
	if err := checkAttributes(in.Attributes); err != nil {
		return nil, err
	}
	wanted, err := newSearch(in.SearchExpression, lastModifiedBy(base.Ref.Owner))
	if err != nil {
		return nil, err
	}
	listing := service.Listing{
		Operation: "SearchQuickResponses", Owner: base.Ref.Owner, Filter: []string{base.Ref.ID, wanted.expression},
	}
	page, err := s.tokens.Page(listing, in.NextToken, in.MaxResults, maxFound)
	if err != nil {
		return nil, err
	}
	found, err := s.find(ctx, base.Ref, wanted, page)
	if err != nil {
		return nil, err
	}
	out, after, err := resultsOf(base.Ref, found, in.Attributes)
	if err != nil {
		return nil, err
	}
	return &api.SearchQuickResponsesOutput{Results: out, NextToken: s.tokens.Next(listing, after)}, nil
}

// find looks at all members of a base and returns one page of those that are wanted.
func (s *Service) find(ctx context.Context, base store.ListRef, wanted *search, page store.Page) (*best, error) {
	found := &best{order: wanted.order, most: page.Limit}
	if page.After != "" {
		after, err := placeOf(page.After)
		if err != nil {
			return nil, err
		}
		found.after = &after
	}
	chunk := store.Page{Limit: searchChunk}
	for {
		members, after, err := s.store.ListMembers(ctx, base, store.MemberFilter{}, chunk)
		if err != nil {
			return nil, noBase(err, base.ID)
		}
		for _, m := range members {
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("search quick responses: %w", err)
			}
			r, err := readResponse(m)
			if err != nil {
				return nil, err
			}
			if p, ok := wanted.match(&r); ok {
				found.offer(p, m)
			}
		}
		if after == "" {
			return found, nil
		}
		chunk.After = after
	}
}

// resultsOf shows what was found, and returns the word for the next page.
func resultsOf(base store.ListRef, found *best, attributes map[string]string) (out []api.QuickResponseSearchResultData, after string, err error) {
	size := 0
	for i, h := range found.hits {
		r, err := responseOf(h.member)
		if err != nil {
			return nil, "", err
		}
		content := fill(r.Content, attributes)
		if size += len(content.text); i > 0 && size > maxContents {
			return out, found.hits[i-1].word(), nil
		}
		out = append(out, resultOf(base, r, content))
	}
	if found.more {
		after = found.hits[len(found.hits)-1].word()
	}
	return out, after, nil
}

// resultOf is a quick response of base as a search shows it.
func resultOf(base store.ListRef, r response, content filled) api.QuickResponseSearchResultData {
	r.Content = content.text
	d := dataOf(base, r)
	return api.QuickResponseSearchResultData{
		AttributesInterpolated:    content.with,
		AttributesNotInterpolated: content.without,
		Channels:                  d.Channels,
		ContentType:               d.ContentType,
		Contents:                  d.Contents,
		CreatedTime:               d.CreatedTime,
		Description:               d.Description,
		GroupingConfiguration:     d.GroupingConfiguration,
		IsActive:                  r.Active,
		KnowledgeBaseArn:          d.KnowledgeBaseArn,
		KnowledgeBaseId:           d.KnowledgeBaseId,
		Language:                  d.Language,
		LastModifiedBy:            d.LastModifiedBy,
		LastModifiedTime:          d.LastModifiedTime,
		Name:                      d.Name,
		QuickResponseArn:          d.QuickResponseArn,
		QuickResponseId:           d.QuickResponseId,
		ShortcutKey:               d.ShortcutKey,
		Status:                    d.Status,
		Tags:                      d.Tags,
	}
}

// search is a search expression that can be asked of responses, one at a time.
type search struct {
	expression string // as text, the same for the same expression
	queries    []query
	filters    []filter
	order      order
	modifier   string // who changed every response last
	room       []string
}

func newSearch(e *api.QuickResponseSearchExpression, modifier string) (*search, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("write search expression: %w", err)
	}
	made := &search{expression: string(text), modifier: modifier}
	for i := range e.Queries {
		q, err := newQuery(&e.Queries[i])
		if err != nil {
			return nil, err
		}
		made.queries = append(made.queries, q)
	}
	for i := range e.Filters {
		f, err := newFilter(&e.Filters[i])
		if err != nil {
			return nil, err
		}
		made.filters = append(made.filters, f)
	}
	made.order, err = newOrder(e.OrderOnField)
	return made, err
}

// match tells whether a response is wanted, and its place among those that are.
func (s *search) match(r *response) (place, bool) {
	var ok bool
	for i := range s.filters {
		if ok, s.room = s.filters[i].passes(r, s.modifier, s.room); !ok {
			return place{}, false
		}
	}
	sum := 0
	for i := range s.queries {
		var score int
		score, s.room = s.queries[i].score(r, s.room)
		sum += score
	}
	if len(s.queries) > 0 && sum == 0 {
		return place{}, false
	}
	if s.order.field == nil {
		return place{score: sum, id: r.id}, true
	}
	s.room = s.order.field.texts(s.room[:0], r, s.modifier)
	return s.order.textPlace(s.room, r.id), true
}
