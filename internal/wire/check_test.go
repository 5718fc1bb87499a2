package wire_test

import (
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/api/mailmanager"
	"github.com/sluicehq/sluice/internal/api/qconnect"
	"github.com/sluicehq/sluice/internal/api/sesv2"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/wire"
)

// validate checks an input.
func validate(in wire.Input) error {
	var c wire.Checker
	in.Check(&c)
	return c.Err()
}

func TestD112_Constraints(t *testing.T) {
	t.Parallel()
	const kb = "11111111-2222-3333-4444-555555555555"
	const arn = "arn:aws:wisdom:us-east-1:000000000000:knowledge-base/" + kb
	connectTag := func(key string) wire.Input {
		return &qconnect.TagResourceInput{ResourceArn: arn, Tags: map[string]string{key: "v"}}
	}
	mailTags := func(n int) wire.Input {
		in := &mailmanager.CreateAddressListInput{AddressListName: "a"}
		for range n {
			in.Tags = append(in.Tags, mailmanager.Tag{Key: "k", Value: ""})
		}
		return in
	}
	for name, tt := range map[string]struct {
		in   wire.Input
		want string // the rule that is broken; "" when all is well
	}{
		"length in characters": {&mailmanager.GetMemberOfAddressListInput{AddressListId: "al", Address: strings.Repeat("ü", 320)}, ""},
		"too long":             {&mailmanager.GetMemberOfAddressListInput{AddressListId: "al", Address: strings.Repeat("ü", 321)}, "less than or equal to 320"},
		"too short":            {&mailmanager.GetMemberOfAddressListInput{AddressListId: "al", Address: "ab"}, "greater than or equal to 3"},

		"pattern as a whole, head": {&mailmanager.GetAddressListInput{AddressListId: "!al"}, "[a-zA-Z0-9-]+"},
		"pattern as a whole, tail": {&mailmanager.GetAddressListInput{AddressListId: "al\n"}, "[a-zA-Z0-9-]+"},
		"alternatives, id":         {&qconnect.GetKnowledgeBaseInput{KnowledgeBaseId: kb}, ""},
		"alternatives, ARN":        {&qconnect.GetKnowledgeBaseInput{KnowledgeBaseId: arn}, ""},
		"alternatives, upper case": {&qconnect.GetKnowledgeBaseInput{KnowledgeBaseId: strings.ToUpper(arn)}, "pattern"},
		"alternatives, id in text": {&qconnect.GetKnowledgeBaseInput{KnowledgeBaseId: "x" + kb}, "pattern"},

		"look-ahead, plain key":     {connectTag("team"), ""},
		"look-ahead, reserved":      {connectTag("aws:team"), "(?!aws:)"},
		"look-ahead, reserved only": {connectTag("aws:"), "(?!aws:)"},
		"look-ahead, within":        {connectTag("my-aws:team"), ""},
		"look-ahead, no colon":      {connectTag("awsteam"), ""},
		"look-ahead, other case":    {connectTag("AWS:team"), ""},
		"look-ahead, bad letter":    {connectTag("té"), "Map keys must satisfy constraint"},
		"key of no length":          {connectTag(""), "greater than or equal to 1"},
		"map value":                 {&qconnect.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"a": ""}}, "Map values must satisfy constraint"},
		"map absent":                {&qconnect.TagResourceInput{ResourceArn: arn}, "'tags' failed to satisfy constraint: Member must not be null"},

		"number too small":  {&mailmanager.ListAddressListsInput{PageSize: new(int64(0))}, "greater than or equal to 1"},
		"number too large":  {&mailmanager.ListAddressListsInput{PageSize: new(int64(51))}, "value less than or equal to 50"},
		"number absent":     {&mailmanager.ListAddressListsInput{}, ""},
		"number at the end": {&mailmanager.ListAddressListsInput{PageSize: new(int64(50))}, ""},

		"list at its limit":   {mailTags(200), ""},
		"list beyond":         {mailTags(201), "length less than or equal to 200"},
		"list too short":      {&qconnect.UntagResourceInput{ResourceArn: arn, TagKeys: []string{}}, "greater than or equal to 1"},
		"list absent":         {&sesv2.TagResourceInput{ResourceArn: "arn"}, "'tags' failed to satisfy constraint: Member must not be null"},
		"list empty":          {&sesv2.TagResourceInput{ResourceArn: "arn", Tags: []sesv2.Tag{}}, ""},
		"structure absent":    {&sesv2.CreateImportJobInput{ImportDestination: &sesv2.ImportDestination{}}, "'importDataSource' failed to satisfy constraint: Member must not be null"},
		"enum, optional":      {&sesv2.ListImportJobsInput{}, ""},
		"enum, unknown":       {&sesv2.ListImportJobsInput{ImportDestinationType: "LIST"}, "[SUPPRESSION_LIST, CONTACT_LIST]"},
		"union, none":         {&qconnect.CreateQuickResponseInput{KnowledgeBaseId: kb, Name: "n", Content: &qconnect.QuickResponseDataProvider{}}, "'content' failed to satisfy constraint: Member must have exactly one"},
		"union, one":          {&qconnect.CreateQuickResponseInput{KnowledgeBaseId: kb, Name: "n", Content: &qconnect.QuickResponseDataProvider{Content: new("hi")}}, ""},
		"union, member wrong": {&qconnect.CreateQuickResponseInput{KnowledgeBaseId: kb, Name: "n", Content: &qconnect.QuickResponseDataProvider{Content: new("")}}, "'content.content'"},
		"union, two": {&qconnect.CreateKnowledgeBaseInput{Name: "n", KnowledgeBaseType: "CUSTOM", SourceConfiguration: &qconnect.SourceConfiguration{
			AppIntegrations: &qconnect.AppIntegrationsConfiguration{AppIntegrationArn: "arn:aws:app:us-east-1::x"},
			ManagedSourceConfiguration: &qconnect.ManagedSourceConfiguration{WebCrawlerConfiguration: &qconnect.WebCrawlerConfiguration{
				UrlConfiguration: &qconnect.UrlConfiguration{},
			}},
		}}, "'sourceConfiguration' failed to satisfy constraint: Member must have exactly one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := validate(tt.in)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("validate: %v, want nil", err)
			case tt.want != "" && (!fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("validate: %v, want Invalid with %q", err, tt.want)
			}
		})
	}
}

// A refusal may end up in a log, so no value is ever in it.
func TestRefusalsDoNotEchoValues(t *testing.T) {
	t.Parallel()
	in := &mailmanager.RegisterMemberToAddressListInput{AddressListId: "secret id", Address: strings.Repeat("secret", 100)}
	err := validate(in)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("validate: %v, want a refusal without the values", err)
	}
}

func TestRefusalsAreBounded(t *testing.T) {
	t.Parallel()
	in := &mailmanager.TagResourceInput{ResourceArn: "arn:aws:ses:us-east-1:000000000000:mailmanager-address-list/al"}
	in.Tags = make([]mailmanager.Tag, 200) // each key is too short and against the pattern
	err := validate(in)
	if err == nil || !strings.HasPrefix(err.Error(), "400 validation errors detected: ") || len(err.Error()) > 2000 {
		t.Errorf("validate: %v, want a short text that counts 400", err)
	}
}

func TestUnknownLookAheadIsABug(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("MustPattern with a look-ahead that it does not know returned, want a panic")
		}
	}()
	wire.MustPattern(`(?=a)b`)
}
