package sesv2

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/store"
)

const arnPrefix = "arn:aws:ses:eu-central-1:111111111111:"

func TestTags(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	for kind, id := range map[string]string{"import-job": f.newJob(t), "contact-list": f.newList(me(t), "customers")} {
		t.Run(kind, func(t *testing.T) { checkTags(t, f, arnPrefix+kind+"/"+id) })
	}
}

func checkTags(t *testing.T, f *fixture, arn string) {
	tags := func() []sesv2api.Tag {
		return must(f.ListTagsForResource(me(t), &sesv2api.ListTagsForResourceInput{ResourceArn: arn})).Tags
	}
	if got := tags(); got == nil || len(got) != 0 {
		t.Errorf("tags of something new: %#v, want an empty list", got)
	}
	must(f.TagResource(me(t), &sesv2api.TagResourceInput{ResourceArn: arn, Tags: []sesv2api.Tag{{Key: "b", Value: "2"}, {Key: "a b", Value: "1"}}}))
	must(f.TagResource(me(t), &sesv2api.TagResourceInput{ResourceArn: arn, Tags: []sesv2api.Tag{{Key: "b", Value: "3"}}}))
	if got, want := tags(), []sesv2api.Tag{{Key: "a b", Value: "1"}, {Key: "b", Value: "3"}}; !slices.Equal(got, want) {
		t.Errorf("tags: %v, want %v", got, want)
	}
	must(f.UntagResource(me(t), &sesv2api.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a b", "never there"}}))
	if got, want := tags(), []sesv2api.Tag{{Key: "b", Value: "3"}}; !slices.Equal(got, want) {
		t.Errorf("tags: %v, want %v", got, want)
	}
	var many []sesv2api.Tag
	for i := range 50 {
		many = append(many, sesv2api.Tag{Key: fmt.Sprint(i)})
	}
	for what, tt := range map[string]struct {
		tags []sesv2api.Tag
		kind fault.Kind
	}{
		"51 tags":         {many, fault.LimitExceeded},
		"reserved key":    {[]sesv2api.Tag{{Key: "aws:x"}}, fault.Invalid},
		"empty key":       {[]sesv2api.Tag{{Key: ""}}, fault.Invalid},
		"key too long":    {[]sesv2api.Tag{{Key: strings.Repeat("k", 129)}}, fault.Invalid},
		"value too long":  {[]sesv2api.Tag{{Key: "k", Value: strings.Repeat("v", 257)}}, fault.Invalid},
		"longest of both": {[]sesv2api.Tag{{Key: strings.Repeat("ü", 128), Value: strings.Repeat("ü", 256)}}, 0},
	} {
		_, err := f.TagResource(me(t), &sesv2api.TagResourceInput{ResourceArn: arn, Tags: tt.tags})
		if tt.kind == 0 && err != nil || tt.kind != 0 && !fault.Is(err, tt.kind) {
			t.Errorf("%s: %v, want %v", what, err, tt.kind)
		}
	}
}

func TestCreateContactList_Tags(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	must(f.CreateContactList(me(t), &sesv2api.CreateContactListInput{ContactListName: "l", Tags: []sesv2api.Tag{{Key: "a", Value: "1"}, {Key: "a", Value: "2"}}}))
	want := []sesv2api.Tag{{Key: "a", Value: "2"}}
	if got := must(f.ListTagsForResource(me(t), &sesv2api.ListTagsForResourceInput{ResourceArn: arnPrefix + "contact-list/l"})).Tags; !slices.Equal(got, want) {
		t.Errorf("tags: %v, want %v", got, want)
	}
	must(f.TagResource(me(t), &sesv2api.TagResourceInput{ResourceArn: arnPrefix + "contact-list/l", Tags: []sesv2api.Tag{{Key: "b"}}}))
	if got, want := f.list(t, "l").Tags, append(want, sesv2api.Tag{Key: "b"}); !slices.Equal(got, want) {
		t.Errorf("tags of the list: %v, want %v", got, want)
	}
}

func TestD29_ARNs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, limits.None)
	id := f.newJob(t)
	f.newList(me(t), "there")
	must(f.db.CreateJob(t.Context(), job.Job{ID: "job-mm", Owner: mine, Wire: job.MailManager, State: job.Created}, store.Once{}, 0))
	for _, tt := range []struct {
		arn  string
		kind fault.Kind
		want string // %s is the verb
	}{
		{"arn:aws:ses:us-east-1:111111111111:import-job/" + id, fault.Invalid, "Failed to %s resource"},
		{"arn:aws:ses:eu-central-1:222222222222:import-job/" + id, fault.Invalid, "Failed to %s resource"},
		{"arn:aws:ses:us-east-1:111111111111:contact-list/there", fault.Invalid, "Failed to %s resource"},
		{"arn:aws:sqs:eu-central-1:111111111111:import-job/" + id, fault.Invalid, "Failed to %s resource"},
		{"not an ARN", fault.Invalid, `"not an ARN" is not the ARN of a resource`},
		{arnPrefix + "import-job/nothing", fault.NotFound, "import job nothing does not exist"},
		{arnPrefix + "import-job/job-mm", fault.NotFound, "import job job-mm does not exist"},
		{arnPrefix + "contact-list/customers", fault.NotFound, "No ContactList present with name: customers"},
		{arnPrefix + "identity/example.com", fault.NotFound, "identity/example.com does not exist"},
	} {
		_, tag := f.TagResource(me(t), &sesv2api.TagResourceInput{ResourceArn: tt.arn, Tags: []sesv2api.Tag{{Key: "a"}}})
		_, untag := f.UntagResource(me(t), &sesv2api.UntagResourceInput{ResourceArn: tt.arn, TagKeys: []string{"a"}})
		_, list := f.ListTagsForResource(me(t), &sesv2api.ListTagsForResourceInput{ResourceArn: tt.arn})
		for verb, err := range map[string]error{"tag": tag, "untag": untag, "list tags for": list} {
			refused(t, verb+" "+tt.arn, err, tt.kind, strings.ReplaceAll(tt.want, "%s", verb))
		}
	}
}
