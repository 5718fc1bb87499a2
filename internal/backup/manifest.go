package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
)

// A manifest is lines of JSON: a Header, an Entry for each file, and an end that counts
// the entries and has the SHA-256 of all lines before it. So neither a damaged nor a cut
// manifest is taken for a whole one.

// Header is the first line of a manifest.
type Header struct {
	Format  int       `json:"format"`
	ID      string    `json:"id"`
	Store   string    `json:"store"`
	Taken   time.Time `json:"taken"` // the moment that the backup shows
	Data    string    `json:"data"`  // where the directory was
	Version string    `json:"version"`
	Objects Objects   `json:"objects"`
}

// Entry is a file of a backup.
type Entry struct {
	Path   string `json:"path"` // below the data directory, with slashes
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Mtime, in nanoseconds, and Inode tell an unchanged file without reading it.
	Mtime int64  `json:"mtime,omitempty"`
	Inode uint64 `json:"inode,omitempty"`
}

// Manifest describes a complete backup.
type Manifest struct {
	Header
	Entries []Entry
}

// end is the last line of a manifest.
type end struct {
	Entries *int   `json:"entries"`
	SHA256  string `json:"sha256"`
}

const (
	backupsPrefix    = "backups/"
	filesPrefix      = "files/"
	manifestSuffix   = ".manifest"
	incompleteSuffix = ".incomplete"
	maxManifest      = 1 << 30
)

func manifestName(id string) string   { return backupsPrefix + id + manifestSuffix }
func incompleteName(id string) string { return backupsPrefix + id + incompleteSuffix }
func fileName(sum string) string      { return filesPrefix + sum[:2] + "/" + sum }

// Bytes returns the size of all files.
func (m Manifest) Bytes() (n int64) {
	for _, e := range m.Entries {
		n += e.Size
	}
	return n
}

func (m Manifest) encode() ([]byte, error) {
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	lines.SetEscapeHTML(false)
	if err := lines.Encode(m.Header); err != nil {
		return nil, err
	}
	for _, e := range m.Entries {
		if err := lines.Encode(e); err != nil {
			return nil, err
		}
	}
	sum, n := sha256.Sum256(b.Bytes()), len(m.Entries)
	err := lines.Encode(end{&n, hex.EncodeToString(sum[:])})
	return b.Bytes(), err
}

var errDamaged = errors.New("is damaged")

// readManifest reads a manifest that must be whole.
func readManifest(ctx context.Context, t Target, id string) (Manifest, error) {
	if id == "" || strings.ContainsAny(id, `/\`) {
		return Manifest{}, fmt.Errorf("%q is not the ID of a backup", id)
	}
	text, err := readAll(ctx, t, manifestName(id), maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, fmt.Errorf("%s has no complete backup %s: %w", t, id, fs.ErrNotExist)
	}
	if err != nil {
		return Manifest{}, err
	}
	m, err := decodeManifest(text)
	if err == nil && m.ID != id {
		err = fmt.Errorf("it is the manifest of %s", m.ID)
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("%s of %s %w: %w", manifestName(id), t, errDamaged, err)
	}
	return m, nil
}

func decodeManifest(text []byte) (m Manifest, err error) {
	cut := bytes.LastIndexByte(bytes.TrimSuffix(text, []byte("\n")), '\n') + 1
	body, last := text[:cut], end{}
	if err := strictly(text[cut:], &last); err != nil || last.Entries == nil {
		return m, errors.New("its last line is missing")
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != last.SHA256 {
		return m, errors.New("its checksum does not match")
	}
	lines := bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n"))
	if err := json.Unmarshal(lines[0], &m.Header); err != nil {
		return m, err
	}
	if m.Format != format {
		return m, fmt.Errorf("it has format %d, this program reads format %d", m.Format, format)
	}
	for _, line := range lines[1:] {
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return m, err
		}
		if err := e.check(); err != nil {
			return m, err
		}
		m.Entries = append(m.Entries, e)
	}
	if len(m.Entries) != *last.Entries {
		return m, fmt.Errorf("it has %d entries and says %d", len(m.Entries), *last.Entries)
	}
	return m, nil
}

// strictly decodes one JSON object that is all of text.
func strictly(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text after the end")
	}
	return nil
}

// check refuses a path that leads out of a directory, and what names no file of a target.
func (e Entry) check() error {
	if !fs.ValidPath(e.Path) || e.Path == "." || path.Clean(e.Path) != e.Path || strings.Contains(e.Path, `\`) {
		return fmt.Errorf("%q is not the path of a file", e.Path)
	}
	if sum, err := hex.DecodeString(e.SHA256); err != nil || len(sum) != sha256.Size || e.Size < 0 {
		return fmt.Errorf("the entry of %s has no size or checksum", e.Path)
	}
	return nil
}
