package search

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/testenv"
)

// TestTop offers hits in many orders and page by page, and compares with sorting.
func TestTop(t *testing.T) {
	t.Parallel()
	name := &fields[0]
	for what, o := range map[string]order{"relevance": {}, "ascending": {field: name}, "descending": {field: name, descending: true}} {
		random := testenv.Rand(t)
		var all []Position
		for i := range 200 {
			p := Position{id: fmt.Sprintf("%03d", i)}
			if o.field == nil {
				p.score = random.IntN(5)
			} else if p.empty = i%7 == 0; !p.empty {
				p.text = strings.Repeat("a b", random.IntN(5))
			}
			all = append(all, p)
		}
		want := slices.SortedFunc(slices.Values(all), o.compare)
		for _, size := range []int{1, 3, 100, 200, 201} {
			var got []Position
			var after *Position
			for {
				top := NewTop[string](&Search{order: o}, size, after)
				random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
				for _, p := range all {
					top.Offer(p, p.id)
				}
				for _, h := range top.Hits() {
					if h.Value != h.id {
						t.Fatalf("%s: hit %s has the value of %s", what, h.id, h.Value)
					}
					got = append(got, h.Position)
				}
				if !top.More() {
					break
				}
				last, err := ParseCursor(top.Hits()[size-1].Cursor())
				if err != nil {
					t.Fatal(err)
				}
				after = &last
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, pages of %d: %v, want %v", what, size, got, want)
			}
		}
	}
}

func TestParseCursor(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " ", "t", "t1", "t1 id", "tx id ", "  "} {
		if p, err := ParseCursor(text); !fault.Is(err, fault.BadToken) {
			t.Errorf("ParseCursor(%q): %+v, %v, want BadToken", text, p, err)
		}
	}
}
