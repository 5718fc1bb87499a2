package sesv2

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// settings is what an account says about its suppression list. It is kept, and shown
// by GetAccount; nothing here sends mail, so nothing acts on it. The names in the
// store are ours: the API's types may change with its table.
type settings struct {
	Reasons   []sesv2api.SuppressionListReason `json:"reasons"`
	Threshold *threshold                       `json:"threshold,omitempty"`
}

type threshold struct {
	Enabled    sesv2api.FeatureStatus                         `json:"enabled"`
	Confidence sesv2api.SuppressionConfidenceVerdictThreshold `json:"confidence,omitempty"`
}

// newSettings is what an account has that never said anything: both reasons, see
// https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html.
func newSettings() settings {
	return settings{Reasons: []sesv2api.SuppressionListReason{sesv2api.SuppressionListReasonBounce, sesv2api.SuppressionListReasonComplaint}}
}

func (s settings) encode() []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings only: cannot be
	}
	return text
}

func decodeSettings(config []byte) (settings, error) {
	var s settings
	if err := json.Unmarshal(config, &s); err != nil {
		return settings{}, fmt.Errorf("read the settings of a suppression list: %w", err)
	}
	return s, nil
}

// PutAccountSuppressionAttributes keeps the account's settings. What is absent stays
// as it was; an empty list of reasons is kept as such.
func (s *Service) PutAccountSuppressionAttributes(ctx context.Context, in *sesv2api.PutAccountSuppressionAttributesInput) (*sesv2api.PutAccountSuppressionAttributesOutput, error) {
	err := s.withList(ctx, service.OwnerOf(ctx), func(ref store.ListRef) error {
		_, err := s.store.ChangeList(ctx, ref, func(l *store.List) error {
			set, err := decodeSettings(l.Config)
			if err != nil {
				return err
			}
			set.put(in)
			l.Config, l.Updated = set.encode(), time.Now().UTC()
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &sesv2api.PutAccountSuppressionAttributesOutput{}, nil
}

func (s *settings) put(in *sesv2api.PutAccountSuppressionAttributesInput) {
	if in.SuppressedReasons != nil {
		s.Reasons = slices.Compact(slices.Sorted(slices.Values(in.SuppressedReasons)))
		if s.Reasons == nil {
			s.Reasons = []sesv2api.SuppressionListReason{}
		}
	}
	if in.ValidationAttributes != nil {
		c := in.ValidationAttributes.ConditionThreshold
		s.Threshold = &threshold{Enabled: c.ConditionThresholdEnabled}
		if c.OverallConfidenceThreshold != nil {
			s.Threshold.Confidence = c.OverallConfidenceThreshold.ConfidenceVerdictThreshold
		}
	}
}

func (s settings) view() *sesv2api.SuppressionAttributes {
	v := &sesv2api.SuppressionAttributes{SuppressedReasons: s.Reasons}
	if s.Threshold == nil {
		return v
	}
	c := &sesv2api.SuppressionConditionThreshold{ConditionThresholdEnabled: s.Threshold.Enabled}
	if s.Threshold.Confidence != "" {
		c.OverallConfidenceThreshold = &sesv2api.SuppressionConfidenceThreshold{ConfidenceVerdictThreshold: s.Threshold.Confidence}
	}
	v.ValidationAttributes = &sesv2api.SuppressionValidationAttributes{ConditionThreshold: c}
	return v
}

// GetAccount tells of an account out of the sandbox, in good standing, with the quota
// that AWS gives such accounts at first; only the suppression settings are its own.
func (s *Service) GetAccount(ctx context.Context, _ *sesv2api.GetAccountInput) (*sesv2api.GetAccountOutput, error) {
	set := newSettings()
	l, err := s.store.List(ctx, suppressionOf(service.OwnerOf(ctx)))
	switch {
	case err == nil:
		if set, err = decodeSettings(l.Config); err != nil {
			return nil, err
		}
	case !fault.Is(err, fault.NotFound):
		return nil, err
	}
	return &sesv2api.GetAccountOutput{
		ProductionAccessEnabled:      new(true),
		SendingEnabled:               new(true),
		DedicatedIpAutoWarmupEnabled: new(true),
		EnforcementStatus:            new("HEALTHY"),
		SendQuota:                    &sesv2api.SendQuota{Max24HourSend: new(50_000.0), MaxSendRate: new(14.0), SentLast24Hours: new(0.0)},
		SuppressionAttributes:        set.view(),
	}, nil
}
