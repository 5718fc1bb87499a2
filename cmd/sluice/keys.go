package main

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// key is an access key with its secret. It prints without the secret.
type key struct{ id, secret string }

func (k key) String() string   { return "access key " + k.id }
func (k key) GoString() string { return k.String() }

// keyPrefix begins the ids of our own keys, so that nobody takes one for a key of
// AWS's. What follows makes twenty characters, as AWS's have.
const keyPrefix = "SLUICE"

// newKey makes a key in the form of AWS's: an id of twenty capitals and digits, a
// secret of forty characters of base64.
func newKey() key {
	var secret [30]byte
	_, _ = rand.Read(secret[:]) // never fails
	return key{
		id:     keyPrefix + rand.Text()[:20-len(keyPrefix)],
		secret: base64.StdEncoding.EncodeToString(secret[:]),
	}
}

// credentialsFile is where the root key of a data directory is: an AWS credentials
// file, which AWS_SHARED_CREDENTIALS_FILE may name.
func credentialsFile(data string) string { return filepath.Join(data, "credentials") }

// rootKey returns the key that the environment gives, else the one in the data
// directory. A data directory without one is given one.
func rootKey(data string, getenv func(string) string) (key, error) {
	k, err := findKey(data, getenv)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	k = newKey()
	text := fmt.Sprintf("# The root key of this Sluice server. Remove the file to have a new one made.\n"+
		"%s%s\n[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", checksumLine, k.checksum(), k.id, k.secret)
	if err := writeFile(credentialsFile(data), text); err != nil {
		return key{}, fmt.Errorf("write the root key: %w", err)
	}
	return k, nil
}

// findKey is rootKey without the making: fs.ErrNotExist if there is none.
func findKey(data string, getenv func(string) string) (key, error) {
	id, err := lookup(getenv, "SLUICE_ACCESS_KEY_ID")
	secret, secretErr := lookup(getenv, "SLUICE_SECRET_ACCESS_KEY")
	if err := errors.Join(err, secretErr); err != nil {
		return key{}, usageError{err}
	}
	k := key{id, secret}
	if (k.id == "") != (k.secret == "") {
		return key{}, usageError{errors.New("SLUICE_ACCESS_KEY_ID, SLUICE_SECRET_ACCESS_KEY: one is set without the other")}
	}
	if k.id != "" {
		if err := k.check(); err != nil {
			return key{}, usageError{fmt.Errorf("SLUICE_ACCESS_KEY_ID, SLUICE_SECRET_ACCESS_KEY: %w", err)}
		}
		return k, nil
	}
	return readCredentials(data)
}

// readCredentials reads the root key from the data directory.
func readCredentials(data string) (key, error) {
	text, err := os.ReadFile(credentialsFile(data))
	if err != nil {
		return key{}, fmt.Errorf("read the root key: %w", err)
	}
	k, sum := parseCredentials(string(text))
	if err = k.check(); err == nil && sum != "" && sum != k.checksum() {
		err = errChecksum
	}
	if err != nil {
		return key{}, fmt.Errorf("read the root key: %s: %w", credentialsFile(data), err)
	}
	return k, nil
}

// checksumLine begins the comment of a credentials file that has the checksum of the
// key. A damaged key would be another key: no client that has the right one gets in.
const checksumLine = "# checksum of this key: "

var errChecksum = errors.New("the key is not the one that the checksum line is for: the file is damaged, or was edited; if the edit was meant, remove that line")

func (k key) checksum() string {
	sum := sha256.Sum256([]byte(k.id + "\n" + k.secret))
	return hex.EncodeToString(sum[:8])
}

// check refuses a key that no client could sign with: its id is part of a header in
// which slashes, commas and blanks have a meaning.
func (k key) check() error {
	switch {
	case k.id == "" || k.secret == "":
		return errors.New("the [default] profile lacks aws_access_key_id or aws_secret_access_key")
	case strings.ContainsAny(k.id, "/,= \t\r\n") || len(k.id) > 128:
		return errors.New("the access key id has characters that cannot be in one, or too many")
	case strings.ContainsAny(k.secret, " \t\r\n"):
		return errors.New("the secret has blanks in it")
	}
	return nil
}

// parseCredentials reads the [default] profile of an AWS credentials file, and the
// checksum that is beside it, if there is one.
func parseCredentials(text string) (k key, checksum string) {
	profile := ""
	scan := bufio.NewScanner(strings.NewReader(text))
	for scan.Scan() {
		line := strings.TrimSpace(scan.Text())
		if sum, ok := strings.CutPrefix(line, checksumLine); ok {
			checksum = sum
		}
		if strings.HasPrefix(line, "[") {
			profile = strings.TrimSpace(strings.Trim(line, "[]"))
			continue
		}
		name, value, _ := strings.Cut(line, "=")
		if profile != "default" {
			continue
		}
		switch strings.TrimSpace(name) {
		case "aws_access_key_id":
			k.id = strings.TrimSpace(value)
		case "aws_secret_access_key":
			k.secret = strings.TrimSpace(value)
		}
	}
	return k, checksum
}

// writeFile puts a file that only its owner may read in place, whole or not at all.
func writeFile(name, text string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
