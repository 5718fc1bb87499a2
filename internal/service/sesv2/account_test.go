package sesv2

import (
	"context"
	"slices"
	"testing"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/limits"
)

func (f *fixture) attributes(ctx context.Context) *sesv2api.SuppressionAttributes {
	return must(f.GetAccount(ctx, &sesv2api.GetAccountInput{})).SuppressionAttributes
}

func TestD34_Account(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	got := must(f.GetAccount(me(t), &sesv2api.GetAccountInput{}))
	if !*got.ProductionAccessEnabled || !*got.SendingEnabled || *got.EnforcementStatus != "HEALTHY" ||
		*got.SendQuota.Max24HourSend != 50_000 || *got.SendQuota.MaxSendRate != 14 || *got.SendQuota.SentLast24Hours != 0 {
		t.Errorf("GetAccount: %+v, %+v", got, got.SendQuota)
	}
	if reasons := got.SuppressionAttributes.SuppressedReasons; !slices.Equal(reasons, []sesv2api.SuppressionListReason{bounce, complaint}) || got.SuppressionAttributes.ValidationAttributes != nil {
		t.Errorf("suppression of a new account: %+v, want both reasons and no more", got.SuppressionAttributes)
	}
}

func TestD33_SuppressionAttributes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	put := func(in sesv2api.PutAccountSuppressionAttributesInput) {
		must(f.PutAccountSuppressionAttributes(me(t), &in))
	}
	check := func(what string, want ...sesv2api.SuppressionListReason) *sesv2api.SuppressionValidationAttributes {
		t.Helper()
		got := f.attributes(me(t))
		if got.SuppressedReasons == nil || !slices.Equal(got.SuppressedReasons, want) {
			t.Errorf("%s: reasons %#v, want %v", what, got.SuppressedReasons, want)
		}
		return got.ValidationAttributes
	}
	put(sesv2api.PutAccountSuppressionAttributesInput{SuppressedReasons: []sesv2api.SuppressionListReason{complaint, complaint}})
	check("one reason", complaint)
	put(sesv2api.PutAccountSuppressionAttributesInput{SuppressedReasons: []sesv2api.SuppressionListReason{}})
	check("an empty list")
	put(sesv2api.PutAccountSuppressionAttributesInput{})
	check("nothing said")

	confidence := &sesv2api.SuppressionConfidenceThreshold{ConfidenceVerdictThreshold: "HIGH"}
	condition := &sesv2api.SuppressionConditionThreshold{ConditionThresholdEnabled: "ENABLED", OverallConfidenceThreshold: confidence}
	put(sesv2api.PutAccountSuppressionAttributesInput{ValidationAttributes: &sesv2api.SuppressionValidationAttributes{ConditionThreshold: condition}})
	v := check("a threshold alone")
	if v == nil || v.ConditionThreshold.ConditionThresholdEnabled != "ENABLED" || v.ConditionThreshold.OverallConfidenceThreshold.ConfidenceVerdictThreshold != "HIGH" {
		t.Errorf("threshold: %+v, want it as it was put", v)
	}
	put(sesv2api.PutAccountSuppressionAttributesInput{SuppressedReasons: []sesv2api.SuppressionListReason{bounce}})
	if check("reasons after a threshold", bounce) == nil {
		t.Errorf("reasons alone took the threshold away")
	}
	if err := f.put(me(t), "a@example.com", bounce); err != nil {
		t.Fatalf("put: %v", err)
	}
	f.newJob(t)
	check("after other writes", bounce)
	for who, ctx := range strangers(t) {
		if got := f.attributes(ctx); len(got.SuppressedReasons) != 2 {
			t.Errorf("as %s: %v, want both reasons", who, got.SuppressedReasons)
		}
	}
}
