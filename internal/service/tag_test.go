package service

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/sluicehq/sluice/internal/fault"
)

func TestAddTags(t *testing.T) {
	t.Parallel()
	have := map[string]string{"a": "1", "b": "2"}
	many := map[string]string{}
	for i := range 4 {
		many[fmt.Sprint(i)] = ""
	}
	for _, tt := range []struct {
		name    string
		more    map[string]string
		want    map[string]string
		refused fault.Kind
	}{
		{name: "none", want: have},
		{name: "new", more: map[string]string{"c": ""}, want: map[string]string{"a": "1", "b": "2", "c": ""}},
		{name: "replaced", more: map[string]string{"b": "3"}, want: map[string]string{"a": "1", "b": "3"}},
		{name: "too many in all", more: many, refused: fault.LimitExceeded},
		{name: "reserved", more: map[string]string{"aws:x": ""}, refused: fault.Invalid},
		{name: "reserved in capitals", more: map[string]string{"AWS:x": ""}, refused: fault.Invalid},
		{name: "almost reserved", more: map[string]string{"aws": ""}, want: map[string]string{"a": "1", "b": "2", "aws": ""}},
	} {
		got, err := AddTags(have, tt.more, 5)
		if tt.want == nil {
			if !fault.Is(err, tt.refused) {
				t.Errorf("%s: %v, %v, want %v", tt.name, got, err, tt.refused)
			}
			continue
		}
		if err != nil || !maps.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
	if !maps.Equal(have, map[string]string{"a": "1", "b": "2"}) {
		t.Errorf("AddTags changed what it was given: %v", have)
	}
}

func TestTags_RoundTrip(t *testing.T) {
	t.Parallel()
	type pair struct{ k, v string }
	tags := TagMap([]pair{{"b", "2"}, {"a", "1"}, {"b", "3"}}, func(p pair) (string, string) { return p.k, p.v })
	list := TagList(tags, func(k, v string) pair { return pair{k, v} })
	if want := []pair{{"a", "1"}, {"b", "3"}}; !slices.Equal(list, want) {
		t.Errorf("TagList(TagMap): %v, want %v", list, want)
	}
	if list := TagList(nil, func(k, v string) pair { return pair{k, v} }); list == nil || len(list) != 0 {
		t.Errorf("TagList of none: %#v, want an empty list", list)
	}
	if left := DropTags(tags, []string{"b", "c"}); !maps.Equal(left, map[string]string{"a": "1"}) || len(tags) != 2 {
		t.Errorf("DropTags: %v of %v", left, tags)
	}
}
