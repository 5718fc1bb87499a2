package sesv2

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/store"
)

const (
	bounce    = sesv2api.SuppressionListReasonBounce
	complaint = sesv2api.SuppressionListReasonComplaint
)

func TestD35_SuppressedLife(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	const missing = "Email address a/b+c@example.com does not exist on your suppression list."
	_, err := f.suppressed(me(t), "a/b+c@example.com")
	refused(t, "get before there is a list", err, fault.NotFound, missing)
	_, err = f.DeleteSuppressedDestination(me(t), &sesv2api.DeleteSuppressedDestinationInput{EmailAddress: "a/b+c@example.com"})
	refused(t, "delete before there is a list", err, fault.NotFound, missing)

	for _, reason := range []sesv2api.SuppressionListReason{bounce, complaint} {
		before := time.Now().Truncate(time.Microsecond)
		if err := f.put(me(t), "a/b+c@Example.com", reason); err != nil {
			t.Fatalf("put: %v", err)
		}
		got := must(f.suppressed(me(t), "a/b+c@example.COM"))
		if got.EmailAddress != "a/b+c@example.com" || got.Reason != reason || got.LastUpdateTime.Before(before) || got.Attributes != nil {
			t.Errorf("get: %+v, want %s since %v and no attributes", got, reason, before)
		}
	}
	_, err = f.suppressed(me(t), "A/b+c@example.com")
	refused(t, "get with another local part", err, fault.NotFound, "Email address A/b+c@example.com does not exist on your suppression list.")

	must(f.DeleteSuppressedDestination(me(t), &sesv2api.DeleteSuppressedDestinationInput{EmailAddress: "a/b+c@example.com"}))
	_, err = f.DeleteSuppressedDestination(me(t), &sesv2api.DeleteSuppressedDestinationInput{EmailAddress: "a/b+c@example.com"})
	refused(t, "delete again", err, fault.NotFound, missing)
}

func TestD32_NoAddress(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	for _, address := range []string{"nobody", "a@@example.com", "a b@example.com", ""} {
		refused(t, "put", f.put(me(t), address, bounce), fault.Invalid, "")
		text := fmt.Sprintf("Email address %s does not exist on your suppression list.", address)
		_, err := f.suppressed(me(t), address)
		refused(t, "get", err, fault.NotFound, text)
		_, err = f.DeleteSuppressedDestination(me(t), &sesv2api.DeleteSuppressedDestinationInput{EmailAddress: address})
		refused(t, "delete", err, fault.NotFound, text)
	}
}

func TestSuppressed_Owners(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	if err := f.put(me(t), "a@example.com", bounce); err != nil {
		t.Fatalf("put: %v", err)
	}
	for who, ctx := range strangers(t) {
		_, err := f.suppressed(ctx, "a@example.com")
		refused(t, "get as "+who, err, fault.NotFound, "a@example.com")
		if out := must(f.ListSuppressedDestinations(ctx, &sesv2api.ListSuppressedDestinationsInput{})); len(out.SuppressedDestinationSummaries) != 0 {
			t.Errorf("list as %s: %+v, want none", who, out.SuppressedDestinationSummaries)
		}
		if err := f.put(ctx, "a@example.com", complaint); err != nil {
			t.Errorf("put as %s: %v", who, err)
		}
	}
	if got := must(f.suppressed(me(t), "a@example.com")); got.Reason != bounce {
		t.Errorf("mine after others' puts: %+v, want BOUNCE", got)
	}
}

// page lists one page of addresses.
func (f *fixture) page(t *testing.T, in sesv2api.ListSuppressedDestinationsInput) (addresses []string, next *string) {
	t.Helper()
	out := must(f.ListSuppressedDestinations(me(t), &in))
	for _, s := range out.SuppressedDestinationSummaries {
		addresses = append(addresses, s.EmailAddress)
	}
	return addresses, out.NextToken
}

// all lists every page.
func (f *fixture) all(t *testing.T, in sesv2api.ListSuppressedDestinationsInput) []string {
	t.Helper()
	var all []string
	for {
		part, next := f.page(t, in)
		all = append(all, part...)
		if next == nil {
			return all
		}
		in.NextToken = next
	}
}

func TestD31_Dates(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newJob(t) // makes the list
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for i, reason := range []string{"BOUNCE", "COMPLAINT", "BOUNCE"} {
		at := noon.Add(time.Duration(i) * time.Hour)
		if err := f.db.PutMember(t.Context(), suppressionOf(mine), fmt.Sprintf("%d@example.com", i), []byte(reason), at, store.PutOptions{}); err != nil {
			t.Fatalf("PutMember: %v", err)
		}
	}
	at := func(h float64) *time.Time { return new(noon.Add(time.Duration(h * float64(time.Hour)))) }
	const zero, one, two = "0@example.com", "1@example.com", "2@example.com"
	for _, tt := range []struct {
		name string
		in   sesv2api.ListSuppressedDestinationsInput
		want []string
	}{
		{"everything", sesv2api.ListSuppressedDestinationsInput{}, []string{zero, one, two}},
		{"from the first on", sesv2api.ListSuppressedDestinationsInput{StartDate: at(0)}, []string{zero, one, two}},
		{"after the first", sesv2api.ListSuppressedDestinationsInput{StartDate: at(0.001)}, []string{one, two}},
		{"until the last", sesv2api.ListSuppressedDestinationsInput{EndDate: at(2)}, []string{zero, one}},
		{"and a moment", sesv2api.ListSuppressedDestinationsInput{EndDate: at(2.001)}, []string{zero, one, two}},
		{"one hour", sesv2api.ListSuppressedDestinationsInput{StartDate: at(1), EndDate: at(2)}, []string{one}},
		{"the next hour", sesv2api.ListSuppressedDestinationsInput{StartDate: at(2), EndDate: at(3)}, []string{two}},
		{"no time", sesv2api.ListSuppressedDestinationsInput{StartDate: at(1), EndDate: at(1)}, nil},
		{"bounces", sesv2api.ListSuppressedDestinationsInput{Reasons: []sesv2api.SuppressionListReason{bounce}}, []string{zero, two}},
		{"complaints", sesv2api.ListSuppressedDestinationsInput{Reasons: []sesv2api.SuppressionListReason{complaint}}, []string{one}},
		{"both", sesv2api.ListSuppressedDestinationsInput{Reasons: []sesv2api.SuppressionListReason{complaint, bounce}}, []string{zero, one, two}},
		{"late bounces", sesv2api.ListSuppressedDestinationsInput{Reasons: []sesv2api.SuppressionListReason{bounce}, StartDate: at(1)}, []string{two}},
	} {
		if got := f.all(t, tt.in); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestD36_SuppressedPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newJob(t)
	var rows [][2]string
	var want []string
	for i := range 2500 {
		want = append(want, fmt.Sprintf("m%04d@example.com", i))
		rows = append(rows, [2]string{want[i], "BOUNCE"})
	}
	f.work(t, rows...)
	if part, next := f.page(t, sesv2api.ListSuppressedDestinationsInput{}); len(part) != 1000 || next == nil {
		t.Fatalf("first page without a size: %d, token %v, want 1000 and a token", len(part), next)
	}
	in := sesv2api.ListSuppressedDestinationsInput{PageSize: new(int64(900))}
	got, next := f.page(t, in)
	for _, address := range []string{"a@example.com", "m1500a@example.com"} { // before and behind the page
		if err := f.put(me(t), address, bounce); err != nil {
			t.Fatalf("put: %v", err)
		}
	}
	must(f.DeleteSuppressedDestination(me(t), &sesv2api.DeleteSuppressedDestinationInput{EmailAddress: want[2000]}))
	want = slices.Insert(slices.Delete(want, 2000, 2001), 1501, "m1500a@example.com")
	in.NextToken = next
	if got = append(got, f.all(t, in)...); !slices.Equal(got, want) {
		t.Errorf("pages: %d addresses, want %d in order", len(got), len(want))
	}
}

// TestD36_FilteredPages: a page is full however many addresses the filter passes over.
func TestD36_FilteredPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	f.newJob(t)
	var rows [][2]string
	var want, got []string
	for i := range 2500 {
		address, reason := fmt.Sprintf("m%04d@example.com", i), "BOUNCE"
		if i%100 == 99 {
			want, reason = append(want, address), "COMPLAINT"
		}
		rows = append(rows, [2]string{address, reason})
	}
	f.work(t, rows...)
	in := sesv2api.ListSuppressedDestinationsInput{PageSize: new(int64(10)), Reasons: []sesv2api.SuppressionListReason{complaint}}
	for {
		part, next := f.page(t, in)
		if got = append(got, part...); next == nil {
			break
		}
		if in.NextToken = next; len(part) != 10 {
			t.Errorf("a page of %d before the end, want 10", len(part))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("in pages: %v, want %v", got, want)
	}
}

func TestListSuppressed_Refusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	for _, address := range []string{"a@example.com", "b@example.com"} {
		if err := f.put(me(t), address, bounce); err != nil {
			t.Fatalf("put: %v", err)
		}
	}
	for _, size := range []int64{-1, 0, 1001} {
		_, err := f.ListSuppressedDestinations(me(t), &sesv2api.ListSuppressedDestinationsInput{PageSize: &size})
		refused(t, "page size", err, fault.Invalid, fmt.Sprintf("Page size %d is invalid, expected a number between 1 and 1000", size))
	}
	one, noon := new(int64(1)), new(time.Now())
	_, token := f.page(t, sesv2api.ListSuppressedDestinationsInput{PageSize: one})
	for name, in := range map[string]sesv2api.ListSuppressedDestinationsInput{
		"forged":     {NextToken: new("forged")},
		"reason's":   {NextToken: token, Reasons: []sesv2api.SuppressionListReason{bounce}},
		"start's":    {NextToken: token, StartDate: noon},
		"end's":      {NextToken: token, EndDate: noon},
		"both ends'": {NextToken: token, StartDate: noon, EndDate: noon},
	} {
		_, err := f.ListSuppressedDestinations(me(t), &in)
		refused(t, "token "+name, err, fault.BadToken, "Token is invalid.")
	}
	for who, ctx := range strangers(t) {
		_, err := f.ListSuppressedDestinations(ctx, &sesv2api.ListSuppressedDestinationsInput{NextToken: token})
		refused(t, "my token as "+who, err, fault.BadToken, "Token is invalid.")
	}
	_, token = f.page(t, sesv2api.ListSuppressedDestinationsInput{PageSize: one, Reasons: []sesv2api.SuppressionListReason{bounce, complaint}})
	same := sesv2api.ListSuppressedDestinationsInput{NextToken: token, Reasons: []sesv2api.SuppressionListReason{complaint, bounce, bounce}}
	if got, _ := f.page(t, same); !slices.Equal(got, []string{"b@example.com"}) {
		t.Errorf("token with the reasons in another order: %v, want the next page", got)
	}
}
