package redact

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestNoKeyIsLogged: the key of a source is in no line about its job, in no spelling.
func TestNoKeyIsLogged(t *testing.T) {
	t.Parallel()
	const key = "from jane+doe@example.com/März.csv"
	var out bytes.Buffer
	log := New(key).Logger(slog.New(slog.NewTextHandler(&out, nil)).With("job", "j1"))
	for _, text := range []string{
		"there is no object s3://bucket/" + key,
		`Get "https://h/bucket/from%20jane+doe@example.com/M%C3%A4rz.csv?x-id=GetObject": connection refused`,
		`Get "https://h/bucket/from%20jane%2Bdoe%40example.com/M%C3%A4rz.csv": connection refused`,
		`Get "https://h/bucket/from+jane%2Bdoe%40example.com%2FM%C3%A4rz.csv": connection refused`,
	} {
		log.Warn("job interrupted", "error", fmt.Errorf("read: %w", errors.New(text)))
		log.With("x", "y").Info("job failed", slog.String("reason", text))
	}
	if text := out.String(); strings.Contains(text, "jane") || strings.Contains(text, "rz.csv") || strings.Count(text, "job=j1") != 8 || !strings.Contains(text, "bucket/(key)") {
		t.Errorf("log, want eight lines without the key:\n%s", text)
	}
}
