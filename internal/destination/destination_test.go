package destination

import (
	"testing"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/record"
)

func TestNewRule(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind   Kind
		action Action
		ok     bool
	}{
		{AddressList, Put, true},
		{AddressList, Delete, false},
		{Suppression, Put, true},
		{Suppression, Delete, true},
		{Suppression, "", false},
		{ContactList, Put, true},
		{ContactList, Delete, true},
		{ContactList, "", false},
		{QuickResponses, Put, true},
		{QuickResponses, Delete, false},
		{"", Put, false},
	} {
		_, err := NewRule(Target{Kind: tt.kind, Action: tt.action})
		if tt.ok && err != nil || !tt.ok && !fault.Is(err, fault.Invalid) {
			t.Errorf("NewRule(%q, %q): %v, want a rule: %t", tt.kind, tt.action, err, tt.ok)
		}
	}
}

func text(s string) record.Field { return record.Field{Kind: record.Text, Bytes: []byte(s)} }

func TestDecide(t *testing.T) {
	t.Parallel()
	bad := &record.Refusal{Code: "too-long"}
	for _, tt := range []struct {
		name   string
		kind   Kind
		action Action
		rec    record.Record
		key    string
		value  string
		code   string
	}{
		{"entry", AddressList, Put, record.Record{Fields: []record.Field{text(" *@Example.com")}}, "*@example.com", "", ""},
		{"entry absent", AddressList, Put, record.Record{Fields: make([]record.Field, 1)}, "", "", "no-address"},
		{"entry null", AddressList, Put, record.Record{Fields: []record.Field{{Kind: record.Null, Bytes: []byte("null")}}}, "", "", "no-address"},
		{"entry a number", AddressList, Put, record.Record{Fields: []record.Field{{Kind: record.Number, Bytes: []byte("1")}}}, "", "", "not-text"},
		{"entry unreadable", AddressList, Put, record.Record{Refused: bad}, "", "", "too-long"},
		{"bounce", Suppression, Put, record.Record{Fields: []record.Field{text("A@B.C"), text(" BOUNCE ")}}, "A@b.c", "BOUNCE", ""},
		{"complaint", Suppression, Put, record.Record{Fields: []record.Field{text("a@b.c"), text("COMPLAINT")}}, "a@b.c", "COMPLAINT", ""},
		{"reason in small letters", Suppression, Put, record.Record{Fields: []record.Field{text("a@b.c"), text("bounce")}}, "", "", "unknown-reason"},
		{"reason a number", Suppression, Put, record.Record{Fields: []record.Field{text("a@b.c"), {Kind: record.Number, Bytes: []byte("1")}}}, "", "", "unknown-reason"},
		{"reason empty", Suppression, Put, record.Record{Fields: []record.Field{text("a@b.c"), text(" ")}}, "", "", "no-reason"},
		{"reason absent", Suppression, Put, record.Record{Fields: []record.Field{text("a@b.c"), {}}}, "", "", "no-reason"},
		{"reason null", Suppression, Put, record.Record{Fields: []record.Field{text("a@b.c"), {Kind: record.Null}}}, "", "", "no-reason"},
		{"star in suppression", Suppression, Put, record.Record{Fields: []record.Field{text("a@*.b.c"), text("BOUNCE")}}, "", "", "domain-character"},
		{"delete", Suppression, Delete, record.Record{Fields: []record.Field{text("a@b.c"), {}}}, "a@b.c", "", ""},
		{"delete with any reason", Suppression, Delete, record.Record{Fields: []record.Field{text("a@b.c"), text("x")}}, "a@b.c", "", ""},
		{"delete nothing", Suppression, Delete, record.Record{Fields: []record.Field{text(" "), text("x")}}, "", "", "no-address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rule, err := NewRule(Target{Kind: tt.kind, Action: tt.action})
			if err != nil {
				t.Fatal(err)
			}
			var c Change
			r := rule.Decide(&tt.rec, &c)
			if tt.code != "" {
				if r == nil || r.Code != tt.code {
					t.Errorf("Decide: refusal %v, want %s", r, tt.code)
				}
				return
			}
			if r != nil || c.Action != tt.action || string(c.Key) != tt.key || string(c.Value) != tt.value {
				t.Errorf("Decide: %s %q %q, refusal %v; want %s %q %q", c.Action, c.Key, c.Value, r, tt.action, tt.key, tt.value)
			}
		})
	}
}
