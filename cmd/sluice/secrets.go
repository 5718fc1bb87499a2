package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
)

// secretVariables may also be given as a file, which NAME_FILE names: what mounts secrets,
// such as systemd, Docker and Kubernetes, makes files of them.
var secretVariables = []string{
	"SLUICE_ACCESS_KEY_ID", "SLUICE_SECRET_ACCESS_KEY", "SLUICE_STORE", "SLUICE_OBJECTS",
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
}

const fileSuffix = "_FILE"

// lookup returns the value of a variable, or of the file that it may be given as. An error
// does not have the file's name: where it cannot be read, it may be the secret itself.
func lookup(getenv func(string) string, name string) (string, error) {
	value, file := getenv(name), ""
	if slices.Contains(secretVariables, name) {
		file = getenv(name + fileSuffix)
	}
	switch {
	case file == "":
		return value, nil
	case value != "":
		return "", fmt.Errorf("%s, %s: both are set", name, name+fileSuffix)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: the file cannot be read: %w", name+fileSuffix, withoutPath(err))
	}
	if value = strings.TrimSpace(string(text)); value == "" {
		return "", fmt.Errorf("%s: the file is empty", name+fileSuffix)
	}
	return value, nil
}

// withoutPath returns the cause of an error about a file.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// withSecretFiles returns an environment in which a variable has the value of its file,
// and the variables whose files other users of this machine can read.
func withSecretFiles(getenv func(string) string) (with func(string) string, exposed []string, err error) {
	values := map[string]string{}
	var wrong []error
	for _, name := range secretVariables {
		file := getenv(name + fileSuffix)
		if file == "" {
			continue
		}
		value, err := lookup(getenv, name)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		values[name], values[name+fileSuffix] = value, ""
		if info, err := os.Stat(file); err == nil && isReadableByOthers(info) {
			exposed = append(exposed, name+fileSuffix)
		}
	}
	if wrong != nil {
		return nil, nil, usageError{errors.Join(wrong...)}
	}
	return func(name string) string {
		if value, ok := values[name]; ok {
			return value
		}
		return getenv(name)
	}, exposed, nil
}

// maxPrintable is how long a wrong value may be that an error repeats. Passwords in URLs
// are longer, and so are keys.
const maxPrintable = 24

// isPrintable reports whether an error may repeat a value: a word or a number. What may be a URL, a
// connection string, a key or a password may have come to the wrong setting.
func isPrintable(value string) bool {
	return len(value) <= maxPrintable && (plainText.MatchString(value) || number.MatchString(value))
}

var (
	plainText = regexp.MustCompile(`^[\pL_. /-]*$`)
	number    = regexp.MustCompile(`^[+-]?[0-9][0-9_.,]*[A-Za-z%]{0,3}$`)
)

// quoteValue quotes a value for an error.
func quoteValue(value string) string {
	if isPrintable(value) {
		return fmt.Sprintf("%q", value)
	}
	return hidden
}

// hidden stands for a value in an error.
const hidden = "the value (not shown, it may be a secret)"

// refuseURLs refuses settings that name a file and look like a URL: a message about the
// file would have the password of one that came to the wrong setting.
func (c *config) refuseURLs(refuse func(format string, args ...any)) {
	for _, s := range []struct{ name, value string }{
		{"config", c.file}, {"tls-cert", c.tlsCert}, {"tls-key", c.tlsKey},
	} {
		if isConnection(s.value) {
			refuse("%s: the value is a URL or a connection string, not the name of a file", s.name)
		}
	}
}

func isURL(s string) bool { return strings.Contains(s, "://") }

// isConnection reports whether s is a URL, or a list of keywords with a password.
func isConnection(s string) bool { return isURL(s) || keyword.MatchString(s) }

var (
	userInfo = regexp.MustCompile(`://[^\s"'` + "`" + `]*@`)
	keyword  = regexp.MustCompile(`(?i)((?:password|secret\w*)\s*=\s*)('[^']*'|[^\s"'&]+)`)
)

// withoutCredentials removes from a text what looks like the user and password of a URL, or
// the password of a connection string. It is the last guard: errors have neither.
func withoutCredentials(text string) string {
	text = userInfo.ReplaceAllStringFunc(text, func(found string) string {
		if found == "://USER:PASSWORD@" { // in what says how a URL is written
			return found
		}
		return "://…@"
	})
	return keyword.ReplaceAllString(text, "$1…")
}
