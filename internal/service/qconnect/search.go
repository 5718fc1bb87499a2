package qconnect

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/search"
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
func (s *Service) SearchQuickResponses(ctx context.Context, in *qconnectapi.SearchQuickResponsesInput) (*qconnectapi.SearchQuickResponsesOutput, error) {
	base, err := s.base(ctx, in.KnowledgeBaseId)
	if err != nil {
		return nil, err
	}
	if err := checkAttributes(in.Attributes); err != nil {
		return nil, err
	}
	wanted, err := search.New(expressionOf(in.SearchExpression))
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(in.SearchExpression) // the same for the same expression
	if err != nil {
		return nil, fmt.Errorf("write search expression: %w", err)
	}
	listing := service.Listing{
		Operation: "SearchQuickResponses", Owner: base.Ref.Owner, Filter: []string{base.Ref.ID, string(text)},
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
	return &qconnectapi.SearchQuickResponsesOutput{Results: out, NextToken: s.tokens.Next(listing, after)}, nil
}

// find looks at all members of a base and returns one page of those that are wanted.
func (s *Service) find(ctx context.Context, base store.ListRef, wanted *search.Search, page store.Page) (*search.Top[store.Member], error) {
	var after *search.Position
	if page.After != "" {
		p, err := search.ParseCursor(page.After)
		if err != nil {
			return nil, err
		}
		after = &p
	}
	found := search.NewTop[store.Member](wanted, page.Limit, after)
	modifier := lastModifiedBy(base.Owner)
	var d search.Document // one for all, since it would be allocated for each
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
			d = documentOf(&r, modifier)
			if p, ok := wanted.Match(&d); ok {
				found.Offer(p, m)
			}
		}
		if after == "" {
			return found, nil
		}
		chunk.After = after
	}
}

// resultsOf shows what was found, and returns the cursor of the next page.
func resultsOf(base store.ListRef, found *search.Top[store.Member], attributes map[string]string) (out []qconnectapi.QuickResponseSearchResultData, after string, err error) {
	size := 0
	hits := found.Hits()
	for i, h := range hits {
		r, err := responseOf(h.Value)
		if err != nil {
			return nil, "", err
		}
		content := fill(r.Content, attributes)
		if size += len(content.text); i > 0 && size > maxContents {
			return out, hits[i-1].Cursor(), nil
		}
		out = append(out, resultOf(base, r, content))
	}
	if found.More() {
		after = hits[len(hits)-1].Cursor()
	}
	return out, after, nil
}

// resultOf is a quick response of base as a search shows it.
func resultOf(base store.ListRef, r response, content filled) qconnectapi.QuickResponseSearchResultData {
	r.Content = content.text
	d := dataOf(base, r)
	return qconnectapi.QuickResponseSearchResultData{
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

// expressionOf is what a call searches for.
func expressionOf(in *qconnectapi.QuickResponseSearchExpression) search.Expression {
	var e search.Expression
	for i := range in.Queries {
		q := &in.Queries[i]
		e.Queries = append(e.Queries, search.Query{
			Field: q.Name, Values: q.Values,
			Prefix:   q.Operator == qconnectapi.QuickResponseQueryOperatorContainsAndPrefix,
			Fuzzy:    isTrue(q.AllowFuzziness),
			Priority: priorities[q.Priority],
		})
	}
	for i := range in.Filters {
		f := &in.Filters[i]
		e.Filters = append(e.Filters, search.Filter{
			Field: f.Name, Values: f.Values,
			Prefix:   f.Operator == qconnectapi.QuickResponseFilterOperatorPrefix,
			OrAbsent: isTrue(f.IncludeNoExistence),
		})
	}
	if o := in.OrderOnField; o != nil {
		e.Order = &search.Order{Field: o.Name, Descending: o.Order == qconnectapi.OrderDesc}
	}
	return e
}

var priorities = map[qconnectapi.Priority]search.Priority{
	"":                         search.Medium,
	qconnectapi.PriorityLow:    search.Low,
	qconnectapi.PriorityMedium: search.Medium,
	qconnectapi.PriorityHigh:   search.High,
}
