package mailmanager

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// memberKey gives an address the form that it has on a list. The refusal of one that
// cannot be on a list does not repeat it.
func memberKey(address string) (string, error) {
	key, refused := destination.ListEntry(nil, []byte(address))
	if refused != nil {
		return "", fault.New(fault.Invalid, "%s", refused.Reason)
	}
	return string(key), nil
}

// RegisterMemberToAddressList puts one address on a list. One that is there already
// stays as it is, its created time included.
func (s *Service) RegisterMemberToAddressList(ctx context.Context, in *mailmanagerapi.RegisterMemberToAddressListInput) (*mailmanagerapi.RegisterMemberToAddressListOutput, error) {
	key, err := memberKey(in.Address)
	if err != nil {
		return nil, err
	}
	most := s.opts.Limits.Members(destination.AddressList)
	ref := refOf(ctx, in.AddressListId)
	err = s.store.PutMember(ctx, ref, key, nil, time.Now().UTC(), store.PutOptions{Max: most})
	err = service.Reword(err, fault.NotFound, "address list %s does not exist", in.AddressListId)
	err = service.Reword(err, fault.LimitExceeded, "an address list has at most %d addresses", most)
	if err != nil {
		return nil, err
	}
	return &mailmanagerapi.RegisterMemberToAddressListOutput{}, nil
}

// DeregisterMemberFromAddressList takes one address off a list.
func (s *Service) DeregisterMemberFromAddressList(ctx context.Context, in *mailmanagerapi.DeregisterMemberFromAddressListInput) (*mailmanagerapi.DeregisterMemberFromAddressListOutput, error) {
	key, err := memberKey(in.Address)
	if err != nil {
		return nil, err
	}
	if err := s.store.DeleteMember(ctx, refOf(ctx, in.AddressListId), key); err != nil {
		return nil, missing(err, in.AddressListId)
	}
	return &mailmanagerapi.DeregisterMemberFromAddressListOutput{}, nil
}

// GetMemberOfAddressList tells about one address exactly as it was registered: it does
// not ask whether a wildcard on the list would match it.
func (s *Service) GetMemberOfAddressList(ctx context.Context, in *mailmanagerapi.GetMemberOfAddressListInput) (*mailmanagerapi.GetMemberOfAddressListOutput, error) {
	key, err := memberKey(in.Address)
	if err != nil {
		return nil, err
	}
	m, err := s.store.Member(ctx, refOf(ctx, in.AddressListId), key)
	if err != nil {
		return nil, missing(err, in.AddressListId)
	}
	return &mailmanagerapi.GetMemberOfAddressListOutput{Address: m.Key, CreatedTimestamp: m.Created}, nil
}

// missing words the error of a list or a member that does not exist.
func missing(err error, list string) error {
	if errors.Is(err, store.ErrNoMember) {
		return fault.New(fault.NotFound, "the address is not a member of address list %s", list)
	}
	return service.Reword(err, fault.NotFound, "address list %s does not exist", list)
}

// ListMembersOfAddressList lists a list's members in the order of their bytes.
func (s *Service) ListMembersOfAddressList(ctx context.Context, in *mailmanagerapi.ListMembersOfAddressListInput) (*mailmanagerapi.ListMembersOfAddressListOutput, error) {
	var filter store.MemberFilter
	if in.Filter != nil && in.Filter.AddressPrefix != nil {
		filter.Prefix = foldDomain(*in.Filter.AddressPrefix)
	}
	ref := refOf(ctx, in.AddressListId)
	listing := service.Listing{
		Operation: "ListMembersOfAddressList", Owner: ref.Owner, Filter: []string{ref.ID, filter.Prefix},
	}
	page, err := s.tokens.Page(listing, in.NextToken, in.PageSize, maxMembers)
	if err != nil {
		return nil, err
	}
	members, after, err := s.store.ListMembers(ctx, ref, filter, page)
	err = service.Reword(err, fault.NotFound, "address list %s does not exist", ref.ID)
	if err != nil {
		return nil, err
	}
	out := &mailmanagerapi.ListMembersOfAddressListOutput{NextToken: s.tokens.Next(listing, after)}
	for _, m := range members {
		out.Addresses = append(out.Addresses, mailmanagerapi.SavedAddress{Address: m.Key, CreatedTimestamp: m.Created})
	}
	return out, nil
}

// foldDomain writes what stands behind the "@" in lower case, as members have it, so
// that a prefix finds the address it was copied from.
func foldDomain(prefix string) string {
	from := quotedLength(prefix)
	if i := strings.IndexByte(prefix[from:], '@'); i >= 0 {
		from += i
		return prefix[:from] + strings.ToLower(prefix[from:])
	}
	return prefix
}

// quotedLength returns how long the quoted string is that a prefix begins with, which
// may hold an "@" that begins no domain; all of the prefix if the quotes are still open.
func quotedLength(prefix string) int {
	if !strings.HasPrefix(prefix, `"`) {
		return 0
	}
	for i := 1; i < len(prefix); i++ {
		switch prefix[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(prefix)
}
