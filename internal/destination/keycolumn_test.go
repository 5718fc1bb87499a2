package destination

import (
	"testing"

	"github.com/sluicehq/sluice/internal/record"
)

// TestKeyColumns: a report's first column has the name of the sources' first field.
func TestKeyColumns(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]string{AddressList: "address", Suppression: "emailAddress", ContactList: "emailAddress", QuickResponses: "name"} {
		rule, err := NewRule(Target{Kind: kind, Action: Put})
		if err != nil {
			t.Fatal(err)
		}
		if got := KeyColumn(kind); got != want || rule.Schema(record.CSV).Fields[0] != want {
			t.Errorf("key column of %s: %q, want %q, as in its schema", kind, got, want)
		}
	}
}
