package service

import (
	"regexp"
	"testing"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
)

func TestNewID(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^al-[a-z0-9]{24}$`)
	seen := map[string]bool{}
	for range 1000 {
		id := NewID("al-")
		if !form.MatchString(id) || seen[id] {
			t.Fatalf("NewID: %q, want %s and never twice", id, form)
		}
		seen[id] = true
	}
}

func TestARN(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ region, want string }{
		{"eu-central-1", "arn:aws:ses:eu-central-1:111111111111:thing/id-1"},
		{"cn-north-1", "arn:aws-cn:ses:cn-north-1:111111111111:thing/id-1"},
		{"us-gov-west-1", "arn:aws-us-gov:ses:us-gov-west-1:111111111111:thing/id-1"},
		{"eusc-de-east-1", "arn:aws-eusc:ses:eusc-de-east-1:111111111111:thing/id-1"},
	} {
		arn := ARN{Service: "ses", Owner: job.Owner{Account: "111111111111", Region: tt.region}, Kind: "thing", ID: "id-1"}
		if got := arn.String(); got != tt.want {
			t.Errorf("String: %s, want %s", got, tt.want)
		}
		if got, err := ParseARN(tt.want); err != nil || got != arn {
			t.Errorf("ParseARN(%s): %+v, %v, want %+v", tt.want, got, err, arn)
		}
	}
	for _, text := range []string{
		"", "arn", "arn:aws:ses:eu-central-1:111111111111", "arn:aws:ses:eu-central-1:111111111111:thing",
		"arn:aws:ses:eu-central-1:111111111111:thing/", "urn:aws:ses:eu-central-1:111111111111:thing/id-1",
		"arn:aws:ses:cn-north-1:111111111111:thing/id-1", "arn:aws-cn:ses:eu-central-1:111111111111:thing/id-1",
	} {
		if got, err := ParseARN(text); !fault.Is(err, fault.Invalid) {
			t.Errorf("ParseARN(%q): %+v, %v, want Invalid", text, got, err)
		}
	}
}
