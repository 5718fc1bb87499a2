package sluicetest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"github.com/sluicehq/sluice/sluicetest"
)

// TestReadme runs what the README shows, and says so if they are not the same.
func TestReadme(t *testing.T) {
	t.Parallel()
	// As in the README:
	srv := sluicetest.Start(t)
	ses := sesv2.NewFromConfig(aws.Config{
		BaseEndpoint: &srv.URL,
		Region:       srv.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(srv.AccessKeyID, srv.SecretAccessKey, ""),
	})
	// That was it.
	if _, err := ses.GetAccount(t.Context(), &sesv2.GetAccountInput{}); err != nil {
		t.Errorf("GetAccount: %v", err)
	}

	own, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(own), "As in the README:\n")
	shown, _, _ = strings.Cut(shown, "\t// That was it.")
	shown = strings.TrimPrefix(strings.ReplaceAll(shown, "\n\t", "\n"), "\t")
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := "```go\n" + shown + "```\n"; !strings.Contains(string(readme), want) {
		t.Errorf("README.md lacks what runs here:\n%s", want)
	}
}
