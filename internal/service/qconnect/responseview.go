package qconnect

import (
	"time"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/store"
)

// response is a quick response as the store holds it.
type response struct {
	id               string
	created, updated time.Time
	destination.QuickResponse
}

// responseOf reads a member of a knowledge base.
func responseOf(m store.Member) (response, error) {
	q, err := destination.DecodeQuickResponse(m.Value)
	return response{m.Key, m.Created, m.Updated, q}, err
}

// summaryOf is a quick response of base as a listing shows it.
func summaryOf(base store.ListRef, r response) qconnectapi.QuickResponseSummary {
	return qconnectapi.QuickResponseSummary{
		Channels:         r.Channels,
		ContentType:      r.ContentType,
		CreatedTime:      r.created,
		Description:      optional(r.Description),
		IsActive:         &r.Active,
		KnowledgeBaseArn: baseARN(base),
		KnowledgeBaseId:  base.ID,
		LastModifiedBy:   new(lastModifiedBy(base.Owner)),
		LastModifiedTime: r.updated,
		Name:             r.Name,
		QuickResponseArn: responseARN(base, r.id),
		QuickResponseId:  r.id,
		Status:           qconnectapi.QuickResponseStatusCreated,
		Tags:             shownTags(r.Tags),
	}
}

// dataOf is a quick response of base in full.
func dataOf(base store.ListRef, r response) *qconnectapi.QuickResponseData {
	v := summaryOf(base, r)
	return &qconnectapi.QuickResponseData{
		Channels:              v.Channels,
		ContentType:           v.ContentType,
		Contents:              contentsOf(r),
		CreatedTime:           v.CreatedTime,
		Description:           v.Description,
		GroupingConfiguration: groupingOf(r),
		IsActive:              v.IsActive,
		KnowledgeBaseArn:      v.KnowledgeBaseArn,
		KnowledgeBaseId:       v.KnowledgeBaseId,
		Language:              optional(r.Language),
		LastModifiedBy:        v.LastModifiedBy,
		LastModifiedTime:      v.LastModifiedTime,
		Name:                  v.Name,
		QuickResponseArn:      v.QuickResponseArn,
		QuickResponseId:       v.QuickResponseId,
		ShortcutKey:           optional(r.ShortcutKey),
		Status:                v.Status,
		Tags:                  v.Tags,
	}
}

// The types of content.
const (
	plain    = destination.PlainText
	markdown = destination.Markdown
)

// contentsOf shows the content under the one name that its type has.
func contentsOf(r response) *qconnectapi.QuickResponseContents {
	content := &qconnectapi.QuickResponseContentProvider{Content: &r.Content}
	if r.ContentType == markdown {
		return &qconnectapi.QuickResponseContents{Markdown: content}
	}
	return &qconnectapi.QuickResponseContents{PlainText: content}
}

// groupingOf shows the grouping, nil if there is none.
func groupingOf(r response) *qconnectapi.GroupingConfiguration {
	if r.Grouping == nil {
		return nil
	}
	return &qconnectapi.GroupingConfiguration{Criteria: optional(r.Grouping.Criteria), Values: r.Grouping.Values}
}

// optional is a text as a member of a reply, nil if it is empty.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
