package qconnect

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/service/servicetest"
	"github.com/sluicehq/sluice/internal/store"
)

// BenchmarkSearch searches bases of two sizes: the size that AWS allows, and a hundred
// times as much.
func BenchmarkSearch(b *testing.B) {
	for _, size := range []int{1000, 100_000} {
		s, base := filledBase(b, size)
		for name, e := range map[string]*qconnectapi.QuickResponseSearchExpression{
			"agent": agentSearch("refnd polcy"),
			"exact": {Queries: []qconnectapi.QuickResponseQueryField{{Name: "content", Operator: "CONTAINS", Values: []string{"delivery"}}}},
			"order": {OrderOnField: &qconnectapi.QuickResponseOrderField{Name: "name"}},
		} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				ctx := servicetest.Me(b)
				for b.Loop() {
					out, err := s.SearchQuickResponses(ctx, &qconnectapi.SearchQuickResponsesInput{KnowledgeBaseId: base, SearchExpression: e})
					if err != nil || len(out.Results) == 0 {
						b.Fatalf("search: %v, %d results", err, len(out.Results))
					}
				}
			})
		}
	}
}

// agentSearch is what an agent's search box sends: one text, sought in every field.
func agentSearch(text string) *qconnectapi.QuickResponseSearchExpression {
	e := new(qconnectapi.QuickResponseSearchExpression)
	for _, field := range []string{"shortcutKey", "name", "content", "description"} {
		e.Queries = append(e.Queries, qconnectapi.QuickResponseQueryField{
			Name: field, Operator: qconnectapi.QuickResponseQueryOperatorContainsAndPrefix, Values: []string{text},
			AllowFuzziness: new(true), Priority: qconnectapi.PriorityHigh,
		})
	}
	e.Filters = []qconnectapi.QuickResponseFilterField{
		{Name: "isActive", Operator: qconnectapi.QuickResponseFilterOperatorEquals, Values: []string{"true"}},
		{Name: "channels", Operator: qconnectapi.QuickResponseFilterOperatorEquals, Values: []string{"Chat"}, IncludeNoExistence: new(true)},
	}
	return e
}

// filledBase is a service with one base that has as many responses as are asked for.
func filledBase(b *testing.B, size int) (*Service, string) {
	b.Helper()
	w := servicetest.NewWorld(b, limits.Profile{})
	ref := refOf(service.OwnerOf(servicetest.Me(b)), uuid.NewString())
	if _, err := w.Store.CreateList(b.Context(), store.List{Ref: ref, Name: "base", UniqueKeys: true}, store.Once{}, 0); err != nil {
		b.Fatal(err)
	}
	subjects := []string{"Refund policy", "Delivery times", "Opening hours", "Lost parcel", "Change of address"}
	for i := range size {
		q := destination.QuickResponse{
			Name: fmt.Sprintf("%s %d", subjects[i%len(subjects)], i), ShortcutKey: fmt.Sprintf("/k%d", i),
			Content: fmt.Sprintf("Dear {{Attributes.Customer}}, thank you for writing to us about this. %s: you find all of it at "+
				"https://example.com/help/%d, and if a question is left, please answer this message; we are here for you every day "+
				"from eight to six. Your delivery is on its way and its number is %d.", subjects[(i+1)%len(subjects)], i, i*31),
			ContentType: plain, Description: "What to say about " + subjects[i%len(subjects)], Channels: []string{"Chat"},
			Language: "en_US", Active: true,
		}
		if err := w.Store.PutMember(b.Context(), ref, uuid.NewString(), q.Encode(), time.Now(), store.PutOptions{Unique: uniqueKeys(q)}); err != nil {
			b.Fatal(err)
		}
	}
	return New(w.Store, w.Files, w.Links, w.Tokens, w.Options), ref.ID
}
