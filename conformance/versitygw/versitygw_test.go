package versitygw

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// selected has lines of a group, a test, and if the test fails a reason.
//
//go:embed selected.txt
var selected string

const region = "us-east-1" // which versitygw's tests take for granted

func TestVersityGW(t *testing.T) {
	t.Parallel()
	if os.Getenv("SLUICE_VERSITYGW") == "" {
		t.Skip("takes minutes; runs with SLUICE_VERSITYGW=1, by make test-s3")
	}
	suite, url := buildSuite(t), startServer(t)
	client := s3.New(s3.Options{
		BaseEndpoint: aws.String(url), UsePathStyle: true, Region: region,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
	})
	var groups []string
	total, passed := map[string]int{}, map[string]int{}
	for line := range strings.Lines(selected) {
		group, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, reason, _ := strings.Cut(rest, " ")
		if total[group] == 0 {
			groups = append(groups, group)
		}
		total[group]++
		output, ok := runOne(t.Context(), suite, url, name)
		if ok {
			passed[group]++
		}
		switch {
		case ok && reason != "":
			t.Errorf("%s passes, and should fail: %s", name, reason)
		case !ok && reason == "":
			t.Errorf("%s fails:\n%s", name, output)
		}
		empty(t, client)
	}
	all, sum := 0, 0
	for _, group := range groups {
		t.Logf("%-28s %3d of %3d", group, passed[group], total[group])
		all, sum = all+total[group], sum+passed[group]
	}
	t.Logf("%-28s %3d of %3d, by status and code", "all", sum, all)
}

var colors = regexp.MustCompile("\x1b\\[[0-9;]*m")

// runOne runs a test of the suite and reports whether it passed.
func runOne(ctx context.Context, suite, url, name string) (string, bool) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, suite, "test", "--access", accessKey, "--secret", secretKey, "--endpoint", url, name)
	c.Env = []string{"HOME=" + filepath.Dir(suite), "PATH=" + os.Getenv("PATH"), "AWS_REGION=" + region} // nothing of the user's AWS settings
	output, err := c.CombinedOutput()
	output = colors.ReplaceAll(output, nil)
	return string(output), err == nil && bytes.Contains(output, []byte("PASS ")) && !bytes.Contains(output, []byte("FAIL "))
}

// empty removes all buckets: a test that failed leaves its own.
func empty(t *testing.T, c *s3.Client) {
	t.Helper()
	buckets, err := c.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err != nil {
		t.Fatalf("list buckets: %v", err)
	}
	for _, b := range buckets.Buckets {
		for {
			page, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: b.Name})
			if err != nil {
				t.Fatalf("list objects: %v", err)
			}
			for _, o := range page.Contents {
				if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: b.Name, Key: o.Key}); err != nil {
					t.Fatalf("delete object: %v", err)
				}
			}
			if !aws.ToBool(page.IsTruncated) {
				break
			}
		}
		if _, err := c.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: b.Name}); err != nil {
			t.Fatalf("delete bucket: %v", fmt.Errorf("%s: %w", aws.ToString(b.Name), err))
		}
	}
}
