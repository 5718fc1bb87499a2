package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
)

// identity says which store a target belongs to. It is a line of JSON, and a line with
// the SHA-256 of the first.
type identity struct {
	Format int    `json:"format"`
	Store  string `json:"store"`
}

const (
	identityName = "sluice-backup.json"
	format       = 1
)

func (i identity) encode() []byte {
	line, _ := json.Marshal(i) // a number and a string
	return fmt.Appendf(nil, "%s\n%x\n", line, sha256.Sum256(line))
}

// readIdentity returns fs.ErrNotExist if there is none.
func readIdentity(ctx context.Context, t Target) (identity, error) {
	var id identity
	text, err := readAll(ctx, t, identityName, 1<<10)
	if err != nil {
		return id, err
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	if err := json.Unmarshal(line, &id); err != nil || !bytes.Equal(text, id.encode()) {
		return id, fmt.Errorf("%s of %s %w", identityName, t, errDamaged)
	}
	if id.Format != format {
		return id, fmt.Errorf("%s has format %d, this program reads format %d: use the release that made it", t, id.Format, format)
	}
	return id, nil
}

// checkTarget reads the identity of a target that must have one.
func checkTarget(ctx context.Context, t Target) error {
	_, err := readIdentity(ctx, t)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s holds no backups: there is no %s", t, identityName)
	}
	return err
}
