package qconnect

import (
	"fmt"
	"maps"
	"testing"

	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/limits"
)

// tagged makes one resource of each kind that has tags, and returns their ARNs.
func (f *fixture) tagged(t *testing.T, tags map[string]string) (base, response string) {
	t.Helper()
	b := must(f.CreateKnowledgeBase(me(t), &qconnectapi.CreateKnowledgeBaseInput{
		Name: "tagged", KnowledgeBaseType: "QUICK_RESPONSES", Tags: tags,
	})).KnowledgeBase
	in := input(b.KnowledgeBaseId, "tagged")
	in.Tags = tags
	return b.KnowledgeBaseArn, must(f.create(me(t), in)).QuickResponseArn
}

func (f *fixture) tags(t *testing.T, arn string) map[string]string {
	t.Helper()
	return must(f.ListTagsForResource(me(t), &qconnectapi.ListTagsForResourceInput{ResourceArn: arn})).Tags
}

func TestTags(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base, response := f.tagged(t, map[string]string{"a": "1", "b": "2"})
	for _, arn := range []string{base, response} {
		must(f.TagResource(me(t), &qconnectapi.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"b": "3", "c": "4"}}))
		if got, want := f.tags(t, arn), map[string]string{"a": "1", "b": "3", "c": "4"}; !maps.Equal(got, want) {
			t.Errorf("tags of %s: %v, want %v", arn, got, want)
		}
		must(f.UntagResource(me(t), &qconnectapi.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a", "c", "never there"}}))
		if got, want := f.tags(t, arn), map[string]string{"b": "3"}; !maps.Equal(got, want) {
			t.Errorf("tags of %s: %v, want %v", arn, got, want)
		}
		must(f.UntagResource(me(t), &qconnectapi.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"b"}}))
		if got := f.tags(t, arn); got == nil || len(got) != 0 {
			t.Errorf("tags of %s: %#v, want an empty map", arn, got)
		}
	}
}

func TestD95_TooManyAndReservedTags(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base, response := f.tagged(t, nil)
	full := map[string]string{}
	for i := range 50 {
		full[fmt.Sprint(i)] = "x"
	}
	for _, arn := range []string{base, response} {
		must(f.TagResource(me(t), &qconnectapi.TagResourceInput{ResourceArn: arn, Tags: full}))
		must(f.TagResource(me(t), &qconnectapi.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"0": "y"}}))
		_, err := f.TagResource(me(t), &qconnectapi.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"one more": "x"}})
		refused(t, "51 tags", err, fault.LimitExceeded, "at most 50 tags")
		_, err = f.TagResource(me(t), &qconnectapi.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"AWS:x": "x"}})
		refused(t, "a reserved tag", err, fault.Invalid, `"AWS:x" is reserved`)
		if n := len(f.tags(t, arn)); n != 50 {
			t.Errorf("tags after refusals: %d, want 50", n)
		}
	}
	in := input(base, "reserved")
	in.Tags = map[string]string{"AWS:x": "x"}
	_, err := f.create(me(t), in)
	refused(t, "create with a reserved tag", err, fault.Invalid, "is reserved")
	full["one more"] = "x"
	_, err = f.CreateKnowledgeBase(me(t), &qconnectapi.CreateKnowledgeBaseInput{Name: "full", KnowledgeBaseType: "CUSTOM", Tags: full})
	refused(t, "create with 51 tags", err, fault.LimitExceeded, "at most 50 tags")
}

func TestD95_TagsOfOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	base, response := f.tagged(t, map[string]string{"a": "1"})
	id := base[len(arnPrefix+"knowledge-base/"):]
	check := func(arn string) {
		_, tag := f.TagResource(me(t), &qconnectapi.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"a": "2"}})
		_, untag := f.UntagResource(me(t), &qconnectapi.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a"}})
		_, list := f.ListTagsForResource(me(t), &qconnectapi.ListTagsForResourceInput{ResourceArn: arn})
		for op, err := range map[string]error{"tag": tag, "untag": untag, "list tags of": list} {
			refused(t, op+" "+arn, err, fault.NotFound, "resource "+arn+" does not exist")
		}
	}
	for _, arn := range []string{
		arnPrefix + "knowledge-base/" + nobody,
		arnPrefix + "quick-response/" + id + "/" + nobody,
		arnPrefix + "quick-response/" + nobody + "/" + nobody,
		arnPrefix + "quick-response/" + id,
		arnPrefix + "quick-response/" + id + "/",
		arnPrefix + "content/" + id,
		response + "/" + nobody,
		base + "/" + nobody,
		"arn:aws:wisdom:us-east-1:" + account + ":knowledge-base/" + id,
		"arn:aws:wisdom:" + region + ":222222222222:knowledge-base/" + id,
		"arn:aws-cn:wisdom:" + region + ":" + account + ":knowledge-base/" + id,
		"arn:aws:ses:" + region + ":" + account + ":knowledge-base/" + id,
	} {
		check(arn)
	}
	for _, arn := range []string{base, response} {
		if got, want := f.tags(t, arn), map[string]string{"a": "1"}; !maps.Equal(got, want) {
			t.Errorf("tags of %s: %v, want %v", arn, got, want)
		}
	}
	must(f.DeleteKnowledgeBase(me(t), &qconnectapi.DeleteKnowledgeBaseInput{KnowledgeBaseId: id}))
	check(base)
	check(response)
}
