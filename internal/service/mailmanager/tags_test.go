package mailmanager

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/limits"
)

const arnPrefix = "arn:aws:ses:eu-central-1:111111111111:mailmanager-address-list/"

func (f *fixture) tags(t *testing.T, arn string) []mailmanagerapi.Tag {
	t.Helper()
	return must(f.ListTagsForResource(me(t), &mailmanagerapi.ListTagsForResourceInput{ResourceArn: arn})).Tags
}

func TestTags(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	if tags := f.tags(t, arnPrefix+f.list(t, "plain")); tags == nil || len(tags) != 0 {
		t.Errorf("tags of a list without: %#v, want an empty list", tags)
	}
	id := must(f.CreateAddressList(me(t), &mailmanagerapi.CreateAddressListInput{
		AddressListName: "tagged", Tags: []mailmanagerapi.Tag{{Key: "b", Value: "2"}, {Key: "a", Value: "1"}},
	})).AddressListId
	arn := arnPrefix + id
	must(f.TagResource(me(t), &mailmanagerapi.TagResourceInput{ResourceArn: arn, Tags: []mailmanagerapi.Tag{{Key: "b", Value: "3"}, {Key: "c"}}}))
	if got, want := f.tags(t, arn), []mailmanagerapi.Tag{{Key: "a", Value: "1"}, {Key: "b", Value: "3"}, {Key: "c"}}; !slices.Equal(got, want) {
		t.Errorf("tags: %v, want %v", got, want)
	}
	must(f.UntagResource(me(t), &mailmanagerapi.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a", "c", "never there"}}))
	if got, want := f.tags(t, arn), []mailmanagerapi.Tag{{Key: "b", Value: "3"}}; !slices.Equal(got, want) {
		t.Errorf("tags: %v, want %v", got, want)
	}
}

func TestD16_TooManyTags(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	arn := arnPrefix + f.list(t, "tagged")
	var tags []mailmanagerapi.Tag
	for i := range 200 {
		tags = append(tags, mailmanagerapi.Tag{Key: fmt.Sprint(i)})
	}
	must(f.TagResource(me(t), &mailmanagerapi.TagResourceInput{ResourceArn: arn, Tags: tags}))
	must(f.TagResource(me(t), &mailmanagerapi.TagResourceInput{ResourceArn: arn, Tags: tags[:1]}))
	_, err := f.TagResource(me(t), &mailmanagerapi.TagResourceInput{ResourceArn: arn, Tags: []mailmanagerapi.Tag{{Key: "one more"}}})
	refused(t, "201 tags", err, fault.LimitExceeded, "at most 200 tags")
	if n := len(f.tags(t, arn)); n != 200 {
		t.Errorf("tags after a refusal: %d, want 200", n)
	}
}

func TestD16_ReservedAndRepeatedTags(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	_, err := f.CreateAddressList(me(t), &mailmanagerapi.CreateAddressListInput{AddressListName: "reserved", Tags: []mailmanagerapi.Tag{{Key: "aws:a"}}})
	refused(t, "create with a reserved tag", err, fault.Invalid, `"aws:a" is reserved`)
	id := must(f.CreateAddressList(me(t), &mailmanagerapi.CreateAddressListInput{
		AddressListName: "repeated", Tags: []mailmanagerapi.Tag{{Key: "a", Value: "1"}, {Key: "a", Value: "2"}},
	})).AddressListId
	if got, want := f.tags(t, arnPrefix+id), []mailmanagerapi.Tag{{Key: "a", Value: "2"}}; !slices.Equal(got, want) {
		t.Errorf("tags: %v, want %v", got, want)
	}
}

func TestD17_ARNsOfOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.list(t, "customers")
	for _, arn := range []string{
		arnPrefix + "al-nothing",
		"arn:aws:ses:us-east-1:111111111111:mailmanager-address-list/" + id,
		"arn:aws:ses:eu-central-1:222222222222:mailmanager-address-list/" + id,
		"arn:aws-cn:ses:eu-central-1:111111111111:mailmanager-address-list/" + id,
		"arn:aws:ses:eu-central-1:111111111111:mailmanager-relay/" + id,
		"arn:aws:ses:eu-central-1:111111111111:mailmanager-address-list",
		"arn:aws:ses:eu-central-1:111111111111:addon-instance/" + id,
	} {
		_, tag := f.TagResource(me(t), &mailmanagerapi.TagResourceInput{ResourceArn: arn, Tags: []mailmanagerapi.Tag{{Key: "a"}}})
		_, untag := f.UntagResource(me(t), &mailmanagerapi.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a"}})
		_, list := f.ListTagsForResource(me(t), &mailmanagerapi.ListTagsForResourceInput{ResourceArn: arn})
		for op, err := range map[string]error{"tag": tag, "untag": untag, "list tags of": list} {
			refused(t, op+" "+arn, err, fault.NotFound, "resource "+arn+" does not exist")
		}
	}
	if tags := f.tags(t, arnPrefix+id); len(tags) != 0 {
		t.Errorf("tags of my list: %v, want none", tags)
	}
}

func TestD14_LastUpdated(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.list(t, "customers")
	updated := func() time.Time {
		return must(f.GetAddressList(me(t), &mailmanagerapi.GetAddressListInput{AddressListId: id})).LastUpdatedTimestamp
	}
	first := updated()
	if err := f.register(me(t), id, "a@example.com"); err != nil {
		t.Fatalf("register: %v", err)
	}
	f.running(t, id)
	f.finish(t, f.work(t, "b@example.com"), "completed", "")
	if got := updated(); !got.Equal(first) {
		t.Errorf("LastUpdatedTimestamp after changes to members: %v, want %v", got, first)
	}
	must(f.TagResource(me(t), &mailmanagerapi.TagResourceInput{ResourceArn: arnPrefix + id, Tags: []mailmanagerapi.Tag{{Key: "a"}}}))
	if got := updated(); !got.After(first) {
		t.Errorf("LastUpdatedTimestamp after tagging: %v, want after %v", got, first)
	}
}
