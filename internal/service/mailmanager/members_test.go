package mailmanager

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/limits"
)

func (f *fixture) register(ctx context.Context, list, address string) error {
	_, err := f.RegisterMemberToAddressList(ctx, &mailmanagerapi.RegisterMemberToAddressListInput{AddressListId: list, Address: address})
	return err
}

func (f *fixture) deregister(ctx context.Context, list, address string) error {
	_, err := f.DeregisterMemberFromAddressList(ctx, &mailmanagerapi.DeregisterMemberFromAddressListInput{AddressListId: list, Address: address})
	return err
}

func (f *fixture) member(ctx context.Context, list, address string) (*mailmanagerapi.GetMemberOfAddressListOutput, error) {
	return f.GetMemberOfAddressList(ctx, &mailmanagerapi.GetMemberOfAddressListInput{AddressListId: list, Address: address})
}

func TestD42_D43_MemberForms(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.list(t, "customers")
	for _, tt := range []struct{ given, kept string }{
		{"user@example.com", "user@example.com"},
		{"User@Example.COM", "User@example.com"},
		{" spaced@example.com ", "spaced@example.com"},
		{"*@example.org", "*@example.org"},
		{"news*@example.org", "news*@example.org"},
		{"*.Example.org", "*.example.org"},
		{"user@*.example.org", "user@*.example.org"},
		{"user@bücher.example", "user@xn--bcher-kva.example"},
	} {
		if err := f.register(me(t), id, tt.given); err != nil {
			t.Errorf("register %q: %v", tt.given, err)
			continue
		}
		got, err := f.member(me(t), id, tt.given)
		if err != nil || got.Address != tt.kept || time.Since(got.CreatedTimestamp) > time.Minute {
			t.Errorf("get %q: %+v, %v, want %q", tt.given, got, err, tt.kept)
		}
		if err := f.deregister(me(t), id, tt.given); err != nil {
			t.Errorf("deregister %q: %v", tt.given, err)
		}
	}
}

func TestD18_MemberRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.list(t, "customers")
	for _, address := range []string{"secret name@example.com", "1*@example.com", "*@*.example.com", "secret@", "   "} {
		_, get := f.member(me(t), id, address)
		for op, err := range map[string]error{
			"register": f.register(me(t), id, address), "deregister": f.deregister(me(t), id, address), "get": get,
		} {
			if !fault.Is(err, fault.Invalid) || strings.Contains(fault.Message(err), "secret") {
				t.Errorf("%s %q: %v, want Invalid without the address", op, address, err)
			}
		}
	}
	for op, err := range map[string]error{
		"register": f.register(me(t), "al-nothing", "a@example.com"), "deregister": f.deregister(me(t), "al-nothing", "a@example.com"),
	} {
		refused(t, op+" at an absent list", err, fault.NotFound, "address list al-nothing does not exist")
	}
	_, err := f.ListMembersOfAddressList(me(t), &mailmanagerapi.ListMembersOfAddressListInput{AddressListId: "al-nothing"})
	refused(t, "list an absent list", err, fault.NotFound, "address list al-nothing does not exist")
	_, err = f.member(me(t), "al-nothing", "a@example.com")
	refused(t, "get from an absent list", err, fault.NotFound, "address list al-nothing does not exist")
}

func TestD10_RegisterTwice(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.Profile{ListMembers: 1})
	id := f.list(t, "customers")
	if err := f.register(me(t), id, "a@example.com"); err != nil {
		t.Fatalf("register: %v", err)
	}
	first := must(f.member(me(t), id, "a@example.com")).CreatedTimestamp
	for !time.Now().Truncate(time.Microsecond).After(first) { // the clock may be coarse
	}
	if err := f.register(me(t), id, "a@EXAMPLE.com"); err != nil {
		t.Fatalf("register again, at a list that is full: %v", err)
	}
	if got := must(f.member(me(t), id, "a@example.com")).CreatedTimestamp; !got.Equal(first) {
		t.Errorf("created time after registering again: %v, want %v", got, first)
	}
	refused(t, "register beyond the limit", f.register(me(t), id, "b@example.com"), fault.LimitExceeded, "at most 1 addresses")
}

func TestD11_DeregisterAbsent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.list(t, "customers")
	refused(t, "deregister", f.deregister(me(t), id, "a@example.com"), fault.NotFound, "the address is not a member of address list "+id)
}

func TestD12_GetIsNoMatching(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.list(t, "customers")
	for _, address := range []string{"*@example.com", "Big@example.org"} {
		if err := f.register(me(t), id, address); err != nil {
			t.Fatalf("register %s: %v", address, err)
		}
	}
	for _, address := range []string{"a@example.com", "big@example.org"} {
		_, err := f.member(me(t), id, address)
		refused(t, "get "+address, err, fault.NotFound, "not a member")
	}
}

func TestD13_MembersByPrefix(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.list(t, "customers")
	all := []string{`"A@B"@example.com`, "*@example.com", "Anna@example.com", "anna@example.com", "anna@example.org", "annabel@example.com", "bert@example.com"}
	for _, address := range slices.Backward(all) {
		if err := f.register(me(t), id, address); err != nil {
			t.Fatalf("register %s: %v", address, err)
		}
	}
	for prefix, want := range map[string][]string{
		"":                  all,
		"anna":              all[3:6],
		"Anna":              all[2:3],
		"anna@":             all[3:5],
		"anna@EXAMPLE.C":    all[3:4],
		"*":                 all[1:2],
		`"A@B`:              all[:1], // the @ within quotes begins no domain
		`"A@B"@EXAMPLE`:     all[:1],
		"bert@example.com":  all[6:],
		"bert@example.comm": nil,
		"z":                 nil,
	} {
		in := &mailmanagerapi.ListMembersOfAddressListInput{AddressListId: id}
		if prefix != "" {
			in.Filter = &mailmanagerapi.AddressFilter{AddressPrefix: &prefix}
		}
		if got, _ := f.members(t, in); !slices.Equal(got, want) {
			t.Errorf("members with prefix %q: %v, want %v", prefix, got, want)
		}
	}
}

// members lists one page.
func (f *fixture) members(t *testing.T, in *mailmanagerapi.ListMembersOfAddressListInput) (addresses []string, next *string) {
	t.Helper()
	out := must(f.ListMembersOfAddressList(me(t), in))
	for _, a := range out.Addresses {
		addresses = append(addresses, a.Address)
	}
	return addresses, out.NextToken
}

func TestD19_MemberPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.list(t, "customers")
	f.running(t, id)
	var want, rows []string
	for i := range 2500 {
		want = append(want, fmt.Sprintf("m%04d@example.com", i))
	}
	rows = append(rows, want...)
	f.finish(t, f.work(t, rows...), "completed", "")

	var got []string
	in := &mailmanagerapi.ListMembersOfAddressListInput{AddressListId: id}
	for pages := 1; ; pages++ {
		part, next := f.members(t, in)
		got = append(got, part...)
		if next == nil {
			break
		}
		if len(part) != 1000 {
			t.Errorf("page %d without a size: %d members, want 1000", pages, len(part))
		}
		if pages == 1 { // behind the page and before it
			for _, err := range []error{
				f.register(me(t), id, "m1500a@example.com"), f.register(me(t), id, "a@example.com"),
				f.deregister(me(t), id, want[2000]), f.deregister(me(t), id, want[5]),
			} {
				if err != nil {
					t.Fatalf("change between pages: %v", err)
				}
			}
			want = slices.Delete(want, 2000, 2001)
			want = slices.Insert(want, 1501, "m1500a@example.com")
		}
		in.NextToken = next
	}
	if !slices.Equal(got, want) {
		t.Errorf("members in pages: %d, want %d, first difference at %d", len(got), len(want), differ(got, want))
	}
}

func differ(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
