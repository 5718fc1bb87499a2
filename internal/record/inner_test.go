package record

import (
	"encoding/json"
	"strings"
	"testing"
)

func nested(text string) Field { return Field{Kind: Nested, Bytes: []byte(text)} }

// elements shows the elements of an array in short, and the members of those that are
// objects.
func elements(n *Inner, f Field) string {
	if !n.Array(f) {
		return "no array"
	}
	var tokens []string
	for {
		el, ok := n.Next()
		if !ok {
			return strings.Join(tokens, ", ")
		}
		token := show([]Field{el})
		if el.Kind == Nested && el.Bytes[0] == '{' {
			token = show(n.Members())
		}
		tokens = append(tokens, token)
	}
}

func TestInner(t *testing.T) {
	t.Parallel()
	n := NewInner("name", "status")
	for _, tt := range []struct {
		field Field
		want  string
	}{
		{nested(`[]`), ``},
		{nested("[ \n]"), ``},
		{nested(`["a\u0062",1,null,true,[2],"ä"]`), `"ab", number:1, null:null, bool:true, nested:[2], "ä"`},
		{nested("[ {\"status\" : \"x\\ny\",\n\"other\":[{}]} , {\"name\":\"a\"} ]"), `- "x\ny", "a" -`},
		{nested(`[{"name":"a","name":"b"}]`), `"b" -`},
		{nested(`[{},{"name":1}]`), `- -, number:1 -`},
		{nested(``), `no array`},
		{nested(`{"name":"a"}`), `no array`},
		{Field{Kind: Text, Bytes: []byte("[]")}, `no array`},
		{Field{}, `no array`},
	} {
		if got := elements(n, tt.field); got != tt.want {
			t.Errorf("elements of %s: %s, want %s", tt.field.Bytes, got, tt.want)
		}
	}
	if _, ok := n.Next(); ok {
		t.Error("Next without an array: an element, want none")
	}
}

func TestInnerAllocatesNothing(t *testing.T) {
	n := NewInner("name", "status")
	f := nested(`[{"name":"a\u0062","status":"x"},{"name":"b"},"c\n"]`)
	if allocs := testing.AllocsPerRun(100, func() {
		for n.Array(f); ; {
			if _, ok := n.Next(); !ok {
				return
			}
		}
	}); allocs != 0 {
		t.Errorf("%v allocations for an array, want none", allocs)
	}
}

// FuzzInner compares with encoding/json, in arrays that are sound, and never panics.
func FuzzInner(f *testing.F) {
	f.Add(`["a\u0062",1,null,{"name":"x","status":[1]}]`)
	f.Add(`[,]`)
	f.Fuzz(func(t *testing.T, text string) {
		n := NewInner("name", "status")
		var want []json.RawMessage
		sound := json.Unmarshal([]byte(text), &want) == nil && strings.HasPrefix(text, "[") && strings.Count(text, "[")+strings.Count(text, "{") < maxDepth
		if ok := n.Array(nested(text)); !ok {
			return
		}
		count := 0
		for el, ok := n.Next(); ok; el, ok = n.Next() {
			if sound && (count >= len(want) || string(want[count]) == "") {
				t.Fatalf("%q: element %d is %s, want %d elements", text, count, el.Bytes, len(want))
			}
			if sound && strings.ToValidUTF8(text, "") == text && !sameMember(el, want[count]) {
				t.Errorf("%q: element %d is %v %q, want %q", text, count, el.Kind, el.Bytes, want[count])
			}
			count++
		}
		if sound && count != len(want) {
			t.Errorf("%q: %d elements, want %d", text, count, len(want))
		}
	})
}
