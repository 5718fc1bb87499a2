package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestRootKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	if _, err := findKey(data, env{}.get); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("findKey in an empty directory: %v, want fs.ErrNotExist", err)
	}
	first, err := rootKey(data, env{}.get)
	if err != nil {
		t.Fatalf("rootKey: %v", err)
	}
	if !regexp.MustCompile(`^[A-Z0-9]{20}$`).MatchString(first.id) || !regexp.MustCompile(`^[A-Za-z0-9+/]{40}$`).MatchString(first.secret) {
		t.Errorf("a new key has the forms %q and %d characters; want those of AWS's", first.id, len(first.secret))
	}
	info, err := os.Stat(credentialsFile(data))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("credentials file: mode %v, %v; want 0600", info.Mode(), err)
	}
	again, err := rootKey(data, env{}.get)
	if err != nil || again != first {
		t.Errorf("rootKey again: %v, %v; want the same key", again, err)
	}
	if other, _ := rootKey(t.TempDir(), env{}.get); other == first {
		t.Error("two directories have the same key")
	}
	if entries, _ := os.ReadDir(data); len(entries) != 1 {
		t.Errorf("the directory has %d files, want credentials and nothing else", len(entries))
	}
}

func TestKeyFromTheEnvironment(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	k, err := rootKey(data, env{"SLUICE_ACCESS_KEY_ID": "me", "SLUICE_SECRET_ACCESS_KEY": "s"}.get)
	if err != nil || k != (key{"me", "s"}) {
		t.Errorf("rootKey from the environment: %v, %v", k, err)
	}
	if _, err := os.Stat(credentialsFile(data)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key of the environment was written to the directory (%v)", err)
	}
	for _, e := range []env{
		{"SLUICE_ACCESS_KEY_ID": "me"},
		{"SLUICE_SECRET_ACCESS_KEY": "s"},
		{"SLUICE_ACCESS_KEY_ID": "a/b", "SLUICE_SECRET_ACCESS_KEY": "s"},
		{"SLUICE_ACCESS_KEY_ID": "me", "SLUICE_SECRET_ACCESS_KEY": "hush\n"},
	} {
		_, err := rootKey(data, e.get)
		if _, ok := errors.AsType[usageError](err); !ok {
			t.Errorf("rootKey with %v: %v, want a usageError", e, err)
		}
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
}

func TestCredentialsFile(t *testing.T) {
	t.Parallel()
	good := key{"ID", "a/b+c="}
	for _, c := range []struct {
		name, text string
		want       key
	}{
		{"plain", "[default]\naws_access_key_id = ID\naws_secret_access_key = a/b+c=\n", good},
		{"CRLF and no blanks", "[default]\r\naws_access_key_id=ID\r\naws_secret_access_key=a/b+c=\r\n", good},
		{"other profiles", "[other]\naws_access_key_id=X\n[default]\naws_access_key_id=ID\naws_secret_access_key=a/b+c=\n[x]\naws_access_key_id=Y", good},
		{"comments and more", "# hi\n[default]\nregion = eu\naws_access_key_id=ID\naws_secret_access_key=a/b+c=", good},
		{"half", "[default]\naws_access_key_id=ID", key{}},
		{"empty", "", key{}},
		{"no profile", "aws_access_key_id=ID\naws_secret_access_key=s", key{}},
	} {
		data := t.TempDir()
		if err := os.WriteFile(credentialsFile(data), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := rootKey(data, env{}.get)
		if got != c.want || (err == nil) != (c.want != key{}) {
			t.Errorf("%s: key %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

func TestKeyHidesItsSecret(t *testing.T) {
	t.Parallel()
	k := key{"ID", "hush"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if got := fmt.Sprintf(verb, k); strings.Contains(got, "hush") {
			t.Errorf("Sprintf(%q) shows the secret: %s", verb, got)
		}
	}
}

func TestClientTarget(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	if _, err := loadClientConfig(data, "", env{}.get); err == nil || !strings.Contains(err.Error(), "sluice serve") {
		t.Errorf("without a server: %v, want a hint to start one", err)
	}
	here := endpoint{URL: "http://127.0.0.1:1"}
	if err := here.write(data); err != nil {
		t.Fatal(err)
	}
	k, err := rootKey(data, env{}.get)
	if err != nil {
		t.Fatal(err)
	}
	aws := env{"AWS_ENDPOINT_URL": "http://there/", "AWS_ACCESS_KEY_ID": "i", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-west-1", "AWS_SESSION_TOKEN": "t"}
	there := clientConfig{endpoint: endpoint{URL: "http://there"}, key: key{"i", "s"}, region: "eu-west-1", token: "t"}
	if got, err := loadClientConfig("", "", aws.get); got != there || err != nil {
		t.Errorf("by AWS's variables: %+v, %v; want %+v", got, err, there)
	}
	mine := clientConfig{endpoint: here, key: k, region: "eu-west-1", data: data}
	if got, err := loadClientConfig(data, "", aws.get); got != mine || err != nil {
		t.Errorf("by --data: %+v, %v; want %+v", got, err, mine)
	}
	mine.region = "eu-north-1"
	if got, err := loadClientConfig(data, "eu-north-1", aws.get); got != mine || err != nil {
		t.Errorf("with --region: %+v, %v; want %+v", got, err, mine)
	}
	mine.region = defaultRegion
	if got, err := loadClientConfig(data, "", env{}.get); got != mine || err != nil {
		t.Errorf("without a region: %+v, %v; want %+v", got, err, mine)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	delete(aws, "AWS_SECRET_ACCESS_KEY")
	aws["AWS_SECRET_ACCESS_KEY_FILE"] = secret
	if got, err := loadClientConfig("", "", aws.get); got != there || err != nil {
		t.Errorf("with the secret in a file: %+v, %v; want %+v", got, err, there)
	}
	if _, err := loadClientConfig("", "", env{"AWS_ENDPOINT_URL": "http://there"}.get); err == nil {
		t.Error("AWS_ENDPOINT_URL without keys: no error")
	}
}
