package node

import (
	"testing"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/service"
)

func TestEngineLimits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind    destination.Kind
		action  destination.Action
		members int
		records int64
		limits  service.Limits
		profile string
	}{
		{destination.AddressList, destination.Put, 100_000, 0, service.AWS, "aws"},
		{destination.Suppression, destination.Put, 0, 100_000, service.AWS, "aws"},
		{destination.Suppression, destination.Delete, 0, 10_000, service.AWS, "aws"},
		{destination.ContactList, destination.Put, 0, 1_000_000, service.AWS, "aws"},
		{destination.ContactList, destination.Delete, 0, 1_000_000, service.AWS, "aws"},
		{destination.QuickResponses, destination.Put, 1000, 100, service.AWS, "aws"},
		{destination.QuickResponses, destination.Put, 0, 0, service.None, "none"},
	} {
		l := engineLimits(tt.limits)
		members, records := l.Members[tt.kind], l.Records[engine.Target{Kind: tt.kind, Action: tt.action}]
		if members != tt.members || records != tt.records {
			t.Errorf("limits %s, %s %s: %d members, %d records; want %d, %d",
				tt.profile, tt.action, tt.kind, members, records, tt.members, tt.records)
		}
	}
}
