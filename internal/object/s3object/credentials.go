package s3object

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sluicehq/sluice/internal/fault"
)

// reread is how long credentials of a file are believed. Whatever renews the file has
// to do so that long before the old ones end.
const reread = 5 * time.Minute

// finder looks for credentials where AWS's tools do: in the environment, then in the
// shared credentials file.
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
type finder struct{ getenv func(string) string }

// Retrieve implements aws.CredentialsProvider.
func (f *finder) Retrieve(context.Context) (aws.Credentials, error) {
	c := aws.Credentials{
		AccessKeyID:     f.getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: f.getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    f.getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	if c.HasKeys() {
		return c, nil
	}
	name := f.getenv("AWS_SHARED_CREDENTIALS_FILE")
	if name == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return aws.Credentials{}, errNoCredentials
		}
		name = filepath.Join(home, ".aws", "credentials")
	}
	profile := f.getenv("AWS_PROFILE")
	if profile == "" {
		profile = "default"
	}
	c, err := fromFile(name, profile)
	if errors.Is(err, fs.ErrNotExist) && f.getenv("AWS_SHARED_CREDENTIALS_FILE") != "" {
		return aws.Credentials{}, fault.New(fault.Invalid, "there are no credentials for S3: the file %s, which AWS_SHARED_CREDENTIALS_FILE names, is not there", name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return aws.Credentials{}, errNoCredentials
	}
	if err != nil {
		return aws.Credentials{}, fault.New(fault.Invalid, "the credentials for S3 cannot be read: %v", err)
	}
	if !c.HasKeys() {
		return aws.Credentials{}, fault.New(fault.Invalid, "%s has no access key and secret for the profile %s", name, profile)
	}
	c.CanExpire, c.Expires = true, time.Now().Add(reread)
	return c, nil
}

var errNoCredentials = fault.New(fault.Invalid, "there are no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write a credentials file and name it by AWS_SHARED_CREDENTIALS_FILE")

// fromFile reads one profile of a credentials file: lines of name = value under
// [profile], and comments from # or ; at the start of a line.
func fromFile(name, profile string) (aws.Credentials, error) {
	file, err := os.Open(name)
	if err != nil {
		return aws.Credentials{}, err
	}
	defer func() { _ = file.Close() }() // only read
	c := aws.Credentials{Source: name}
	section := ""
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			section = strings.TrimSpace(strings.Trim(line, "[]"))
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if section != profile || !found || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "aws_access_key_id":
			c.AccessKeyID = value
		case "aws_secret_access_key":
			c.SecretAccessKey = value
		case "aws_session_token":
			c.SessionToken = value
		}
	}
	return c, lines.Err()
}
