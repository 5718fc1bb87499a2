package wire_test

import (
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/api/qconnectapi"
	"github.com/sluicehq/sluice/internal/api/sesv2api"
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
		return &qconnectapi.TagResourceInput{ResourceArn: arn, Tags: map[string]string{key: "v"}}
	}
	mailTags := func(n int) wire.Input {
		in := &mailmanagerapi.CreateAddressListInput{AddressListName: "a"}
		for range n {
			in.Tags = append(in.Tags, mailmanagerapi.Tag{Key: "k", Value: ""})
		}
		return in
	}
	for name, tt := range map[string]struct {
		in   wire.Input
		want string // the rule that is broken; "" when all is well
	}{
		"length in characters": {&mailmanagerapi.GetMemberOfAddressListInput{AddressListId: "al", Address: strings.Repeat("ü", 320)}, ""},
		"too long":             {&mailmanagerapi.GetMemberOfAddressListInput{AddressListId: "al", Address: strings.Repeat("ü", 321)}, "less than or equal to 320"},
		"too short":            {&mailmanagerapi.GetMemberOfAddressListInput{AddressListId: "al", Address: "ab"}, "greater than or equal to 3"},

		"pattern as a whole, head": {&mailmanagerapi.GetAddressListInput{AddressListId: "!al"}, "[a-zA-Z0-9-]+"},
		"pattern as a whole, tail": {&mailmanagerapi.GetAddressListInput{AddressListId: "al\n"}, "[a-zA-Z0-9-]+"},
		"alternatives, id":         {&qconnectapi.GetKnowledgeBaseInput{KnowledgeBaseId: kb}, ""},
		"alternatives, ARN":        {&qconnectapi.GetKnowledgeBaseInput{KnowledgeBaseId: arn}, ""},
		"alternatives, upper case": {&qconnectapi.GetKnowledgeBaseInput{KnowledgeBaseId: strings.ToUpper(arn)}, "pattern"},
		"alternatives, id in text": {&qconnectapi.GetKnowledgeBaseInput{KnowledgeBaseId: "x" + kb}, "pattern"},

		"look-ahead, plain key":     {connectTag("team"), ""},
		"look-ahead, reserved":      {connectTag("aws:team"), "(?!aws:)"},
		"look-ahead, reserved only": {connectTag("aws:"), "(?!aws:)"},
		"look-ahead, within":        {connectTag("my-aws:team"), ""},
		"look-ahead, no colon":      {connectTag("awsteam"), ""},
		"look-ahead, other case":    {connectTag("AWS:team"), ""},
		"look-ahead, bad letter":    {connectTag("té"), "Map keys must satisfy constraint"},
		"key of no length":          {connectTag(""), "greater than or equal to 1"},
		"map value":                 {&qconnectapi.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"a": ""}}, "Map values must satisfy constraint"},
		"map absent":                {&qconnectapi.TagResourceInput{ResourceArn: arn}, "'tags' failed to satisfy constraint: Member must not be null"},

		"number too small":  {&mailmanagerapi.ListAddressListsInput{PageSize: new(int64(0))}, "greater than or equal to 1"},
		"number too large":  {&mailmanagerapi.ListAddressListsInput{PageSize: new(int64(51))}, "value less than or equal to 50"},
		"number absent":     {&mailmanagerapi.ListAddressListsInput{}, ""},
		"number at the end": {&mailmanagerapi.ListAddressListsInput{PageSize: new(int64(50))}, ""},

		"list at its limit":   {mailTags(200), ""},
		"list beyond":         {mailTags(201), "length less than or equal to 200"},
		"list too short":      {&qconnectapi.UntagResourceInput{ResourceArn: arn, TagKeys: []string{}}, "greater than or equal to 1"},
		"list absent":         {&sesv2api.TagResourceInput{ResourceArn: "arn"}, "'tags' failed to satisfy constraint: Member must not be null"},
		"list empty":          {&sesv2api.TagResourceInput{ResourceArn: "arn", Tags: []sesv2api.Tag{}}, ""},
		"structure absent":    {&sesv2api.CreateImportJobInput{ImportDestination: &sesv2api.ImportDestination{}}, "'importDataSource' failed to satisfy constraint: Member must not be null"},
		"enum, optional":      {&sesv2api.ListImportJobsInput{}, ""},
		"enum, unknown":       {&sesv2api.ListImportJobsInput{ImportDestinationType: "LIST"}, "[SUPPRESSION_LIST, CONTACT_LIST]"},
		"union, none":         {&qconnectapi.CreateQuickResponseInput{KnowledgeBaseId: kb, Name: "n", Content: &qconnectapi.QuickResponseDataProvider{}}, "'content' failed to satisfy constraint: Member must have exactly one"},
		"union, one":          {&qconnectapi.CreateQuickResponseInput{KnowledgeBaseId: kb, Name: "n", Content: &qconnectapi.QuickResponseDataProvider{Content: new("hi")}}, ""},
		"union, member wrong": {&qconnectapi.CreateQuickResponseInput{KnowledgeBaseId: kb, Name: "n", Content: &qconnectapi.QuickResponseDataProvider{Content: new("")}}, "'content.content'"},
		"union, two": {&qconnectapi.CreateKnowledgeBaseInput{Name: "n", KnowledgeBaseType: "CUSTOM", SourceConfiguration: &qconnectapi.SourceConfiguration{
			AppIntegrations: &qconnectapi.AppIntegrationsConfiguration{AppIntegrationArn: "arn:aws:app:us-east-1::x"},
			ManagedSourceConfiguration: &qconnectapi.ManagedSourceConfiguration{WebCrawlerConfiguration: &qconnectapi.WebCrawlerConfiguration{
				UrlConfiguration: &qconnectapi.UrlConfiguration{},
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
	in := &mailmanagerapi.RegisterMemberToAddressListInput{AddressListId: "secret id", Address: strings.Repeat("secret", 100)}
	err := validate(in)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("validate: %v, want a refusal without the values", err)
	}
}

func TestRefusalsAreBounded(t *testing.T) {
	t.Parallel()
	in := &mailmanagerapi.TagResourceInput{ResourceArn: "arn:aws:ses:us-east-1:000000000000:mailmanager-address-list/al"}
	in.Tags = make([]mailmanagerapi.Tag, 200) // each key is too short and against the pattern
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
