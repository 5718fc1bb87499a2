package record

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/sluicehq/sluice/internal/fault"
)

// pack returns text in one of the forms that a source may have.
func pack(t interface{ Fatal(...any) }, form, text string) string {
	var b bytes.Buffer
	var w io.WriteCloser
	switch form {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zstd":
		zw, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		w = zw
	case "utf16le", "utf16be":
		for _, u := range append([]uint16{0xfeff}, utf16.Encode([]rune(text))...) {
			if form == "utf16le" {
				b.Write([]byte{byte(u), byte(u >> 8)})
			} else {
				b.Write([]byte{byte(u >> 8), byte(u)})
			}
		}
		return b.String()
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPacked(t *testing.T) {
	t.Parallel()
	const text = "a@b.c,ä\nd,😀\n"
	for name, packed := range map[string]string{
		"gzip":                 pack(t, "gzip", text),
		"gzip of two members":  pack(t, "gzip", text[:5]) + pack(t, "gzip", text[5:]),
		"zstd":                 pack(t, "zstd", text),
		"zstd of two frames":   pack(t, "zstd", text[:5]) + pack(t, "zstd", text[5:]),
		"UTF-16 little-endian": pack(t, "utf16le", text),
		"UTF-16 big-endian":    pack(t, "utf16be", text),
		"UTF-16 in gzip":       pack(t, "gzip", pack(t, "utf16le", text)),
	} {
		want := []string{`1@0 "a@b.c" "ä"`, `2@9 "d" "😀"`}
		if strings.HasPrefix(name, "UTF-16") { // the byte order mark counts, as three bytes
			want = []string{`1@3 "a@b.c" "ä"`, `2@12 "d" "😀"`}
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkRecords(t, packed, CSV, twoPlain, want, "")
		})
	}
}

func TestPackedBroken(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("someone@example.com,BOUNCE\n", 100_000)
	random := []byte(pack(t, "gzip", long))
	random[len(random)/2] ^= 0xff
	for _, tt := range []struct {
		name, text, broken string
		some               bool // records come before the break
	}{
		{"gzip cut off", cutOff(pack(t, "gzip", long)), "the gzip stream ends in the middle, after line ", true},
		{"gzip cut off in its header", "\x1f\x8b\x08", "the gzip stream ends in the middle, after line 0 (byte 0)", false},
		{"gzip corrupt", string(random), "the gzip stream is corrupt after line ", true},
		{"gzip header corrupt", "\x1f\x8b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "the gzip stream is corrupt", false},
		{"zstd cut off", cutOff(pack(t, "zstd", long)), "the zstd stream ends in the middle, after line ", true},
		{"zstd with a huge window", "\x28\xb5\x2f\xfd\x00\x98\x01\x00\x00", "the zstd stream needs a window of more than 32 MiB", false},
		{"gzip in gzip", pack(t, "gzip", pack(t, "gzip", long)), "it looks like a gzip file inside another", false},
		{"UTF-32", "\xff\xfe\x00\x00a\x00\x00\x00", "the source is UTF-32 text", false},
		{"ZIP in gzip", pack(t, "gzip", "PK\x03\x04abc"), "it looks like a ZIP archive", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			recs, _, err := readAll(source(tt.text), CSV, twoPlain, Position{}, defaultLimits)
			if !fault.Is(err, fault.Broken) || !strings.Contains(err.Error(), tt.broken) {
				t.Errorf("error %v, want Broken with %q", err, tt.broken)
			}
			if tt.some != (len(recs) > 0) {
				t.Errorf("%d records before the break, want some: %t", len(recs), tt.some)
			}
		})
	}
}

func cutOff(s string) string { return s[:len(s)*2/3] }

func TestUTF16ThatIsNoText(t *testing.T) {
	t.Parallel()
	text := "\xff\xfea\x00\n\x00\x3d\xd8\n\x00b\x00\n\x00c"
	checkRecords(t, text, CSV, twoPlain, []string{`1@3 "a" -`, `2@5 !bad-encoding`, `3@9 "b" -`, `4@11 !bad-encoding`}, "")
}

// TestSourceFails: an error of the source's own reader is not taken for a broken file,
// so that a job can be tried again.
func TestSourceFails(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection lost")
	long := strings.Repeat("someone@example.com,BOUNCE\n", 100_000)
	for _, form := range []string{"", "gzip", "zstd"} {
		text := long
		if form != "" {
			text = pack(t, form, long)
		}
		src := func(int64) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader(cutOff(text)), iotest.ErrReader(cause))), nil
		}
		_, _, err := readAll(src, CSV, twoPlain, Position{}, defaultLimits)
		if !errors.Is(err, cause) || fault.Is(err, fault.Broken) {
			t.Errorf("%q source that fails: error %v, want %v and not Broken", form, err, cause)
		}
	}
	src := func(int64) (io.ReadCloser, error) { return nil, cause }
	if _, err := Open(src, CSV, twoPlain, Position{}, 0); !errors.Is(err, cause) {
		t.Errorf("Open of a source that cannot be opened: error %v, want %v", err, cause)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		format Format
		at     Position
		kind   fault.Kind
	}{
		{"unknown format", "XML", Position{}, fault.Invalid},
		{"position of another format", JSON, Position{Record: 1, Offset: 2, Layout: "plain csv 0,1"}, fault.Invalid},
		{"position with a field too many", CSV, Position{Record: 1, Offset: 2, Layout: "plain csv 0,7"}, fault.Invalid},
		{"position of no layout", CSV, Position{Record: 1, Offset: 2}, fault.Invalid},
		{"position after the end of what is packed", CSV, Position{Record: 1, Offset: 99, Layout: "packed csv 0,1"}, fault.Broken},
	} {
		if _, err := Open(source("a,b\n"), tt.format, twoPlain, tt.at, 0); !fault.Is(err, tt.kind) {
			t.Errorf("Open with %s: error %v, want %v", tt.name, err, tt.kind)
		}
	}
}
