package destination

import (
	"testing"

	"github.com/sluicehq/sluice/internal/record"
)

func BenchmarkDecide(b *testing.B) {
	for _, bb := range []struct {
		name   string
		kind   Kind
		fields []record.Field
	}{
		{"suppression", Suppression, []record.Field{text("firstname.lastname123@mail.example.com"), text("COMPLAINT")}},
		{"address-list", AddressList, []record.Field{text("firstname.lastname123@mail.example.com")}},
		{"domain", AddressList, []record.Field{text("*.mail.example.com")}},
		{"refused", AddressList, []record.Field{text("firstname..lastname123@mail.example.com")}},
		{"international", AddressList, []record.Field{text("name@bücher.example.com")}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			rule, err := NewRule(Target{Kind: bb.kind, Action: Put})
			if err != nil {
				b.Fatal(err)
			}
			rec := record.Record{Fields: bb.fields}
			var c Change
			b.ReportAllocs()
			for b.Loop() {
				rule.Decide(&rec, &c)
			}
		})
	}
}

// TestDecideAllocatesNothing holds for all but domains outside ASCII.
func TestDecideAllocatesNothing(t *testing.T) {
	rule, err := NewRule(Target{Kind: Suppression, Action: Put})
	if err != nil {
		t.Fatal(err)
	}
	var c Change
	for _, fields := range [][]record.Field{
		{text("joe@example.com"), text("BOUNCE")},
		{text("joe@example"), text("BOUNCE")},
		{text("joe@example.com"), text("no")},
	} {
		rec := record.Record{Fields: fields}
		if n := testing.AllocsPerRun(100, func() { rule.Decide(&rec, &c) }); n != 0 {
			t.Errorf("Decide of %s: %v allocations, want none", fields[0].Bytes, n)
		}
	}
}
