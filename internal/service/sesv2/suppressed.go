package sesv2

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// maxPage is the largest page of suppressed destinations and of contacts, as AWS's
// refusals say, and of import jobs, of which AWS does not say it.
const maxPage = 1000

// notSuppressed is AWS's text for an address that is not on the list.
const notSuppressed = "Email address %s does not exist on your suppression list."

// PutSuppressedDestination puts an address on the suppression list. One that is there
// gets the reason and a new time.
func (s *Service) PutSuppressedDestination(ctx context.Context, in *sesv2api.PutSuppressedDestinationInput) (*sesv2api.PutSuppressedDestinationOutput, error) {
	key, refused := destination.Address(nil, []byte(in.EmailAddress))
	if refused != nil {
		return nil, fault.New(fault.Invalid, "%s", refused.Reason)
	}
	err := s.withList(ctx, service.OwnerOf(ctx), func(ref store.ListRef) error {
		return s.store.PutMember(ctx, ref, string(key), []byte(in.Reason), time.Now().UTC(), store.PutOptions{})
	})
	if err != nil {
		return nil, err
	}
	return &sesv2api.PutSuppressedDestinationOutput{}, nil
}

// GetSuppressedDestination tells about an address on the suppression list. It has no
// Attributes: they tell of the message that bounced, and no message did.
func (s *Service) GetSuppressedDestination(ctx context.Context, in *sesv2api.GetSuppressedDestinationInput) (*sesv2api.GetSuppressedDestinationOutput, error) {
	key, err := suppressedKey(in.EmailAddress)
	if err != nil {
		return nil, err
	}
	m, err := s.store.Member(ctx, suppressionOf(service.OwnerOf(ctx)), key)
	if err != nil {
		return nil, service.Reword(err, fault.NotFound, notSuppressed, in.EmailAddress)
	}
	return &sesv2api.GetSuppressedDestinationOutput{SuppressedDestination: &sesv2api.SuppressedDestination{
		EmailAddress: m.Key, Reason: reasonOf(m), LastUpdateTime: m.Updated,
	}}, nil
}

// DeleteSuppressedDestination takes an address off the suppression list.
func (s *Service) DeleteSuppressedDestination(ctx context.Context, in *sesv2api.DeleteSuppressedDestinationInput) (*sesv2api.DeleteSuppressedDestinationOutput, error) {
	key, err := suppressedKey(in.EmailAddress)
	if err != nil {
		return nil, err
	}
	if err := s.store.DeleteMember(ctx, suppressionOf(service.OwnerOf(ctx)), key); err != nil {
		return nil, service.Reword(err, fault.NotFound, notSuppressed, in.EmailAddress)
	}
	return &sesv2api.DeleteSuppressedDestinationOutput{}, nil
}

// suppressedKey gives the key of an address that should be on the list. What cannot
// be an address is not on it.
func suppressedKey(address string) (string, error) {
	key, refused := destination.Address(nil, []byte(address))
	if refused != nil {
		return "", fault.New(fault.NotFound, notSuppressed, address)
	}
	return string(key), nil
}

// ListSuppressedDestinations lists the suppression list in the order of addresses'
// bytes.
func (s *Service) ListSuppressedDestinations(ctx context.Context, in *sesv2api.ListSuppressedDestinationsInput) (*sesv2api.ListSuppressedDestinationsOutput, error) {
	listing := service.Listing{
		Operation: "ListSuppressedDestinations", Owner: service.OwnerOf(ctx),
		Filter: []string{instant(in.StartDate), instant(in.EndDate)},
	}
	for _, r := range slices.Compact(slices.Sorted(slices.Values(in.Reasons))) {
		listing.Filter = append(listing.Filter, string(r))
	}
	page, err := s.tokens.Page(listing, in.NextToken, in.PageSize, maxPage)
	if err != nil {
		return nil, err
	}
	members, after, err := s.store.ListMembers(ctx, suppressionOf(listing.Owner), selects(in), page)
	if err != nil && !fault.Is(err, fault.NotFound) { // a list that nobody has written to yet is empty
		return nil, err
	}
	out := &sesv2api.ListSuppressedDestinationsOutput{
		NextToken:                      s.tokens.Next(listing, after),
		SuppressedDestinationSummaries: make([]sesv2api.SuppressedDestinationSummary, 0, len(members)),
	}
	for _, m := range members {
		out.SuppressedDestinationSummaries = append(out.SuppressedDestinationSummaries, sesv2api.SuppressedDestinationSummary{
			EmailAddress: m.Key, Reason: reasonOf(m), LastUpdateTime: m.Updated,
		})
	}
	return out, nil
}

// selects makes the store's filter. StartDate is part of the time asked for and EndDate
// is not, so that times which follow on one another list each address once.
func selects(in *sesv2api.ListSuppressedDestinationsInput) store.MemberFilter {
	if in.Reasons == nil && in.StartDate == nil && in.EndDate == nil {
		return store.MemberFilter{}
	}
	return store.MemberFilter{Match: func(m store.Member) bool {
		return (len(in.Reasons) == 0 || slices.Contains(in.Reasons, reasonOf(m))) &&
			(in.StartDate == nil || !m.Updated.Before(*in.StartDate)) &&
			(in.EndDate == nil || m.Updated.Before(*in.EndDate))
	}}
}

// reasonOf reads the reason that destination's rule, or PutSuppressedDestination, wrote.
func reasonOf(m store.Member) sesv2api.SuppressionListReason {
	return sesv2api.SuppressionListReason(m.Value)
}

// instant writes a time for a fingerprint.
func instant(t *time.Time) string {
	if t == nil {
		return ""
	}
	return strconv.FormatInt(t.UnixNano(), 10)
}
