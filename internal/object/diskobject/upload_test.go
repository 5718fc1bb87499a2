package diskobject

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

// uploadOf starts an upload of key and puts the texts as its parts 1, 2, ...
func uploadOf(t *testing.T, s *Store, key string, sum Checksum, texts ...string) (Upload, []PartRef) {
	t.Helper()
	u, err := s.StartUpload(t.Context(), at(key), Meta{ContentType: "text/csv"}, sum)
	if err != nil {
		t.Fatalf("StartUpload: %v", err)
	}
	var refs []PartRef
	for i, text := range texts {
		p, err := s.WritePart(t.Context(), at(key), u.ID, i+1, Write{}, strings.NewReader(text))
		if err != nil {
			t.Fatalf("WritePart %d: %v", i+1, err)
		}
		refs = append(refs, PartRef{Number: i + 1, ETag: p.ETag})
	}
	return u, refs
}

func TestUpload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir).Store
	put(t, s, "k", "before")
	one, two, three := strings.Repeat("1", MinPartSize), strings.Repeat("2", MinPartSize+1), "three"
	u, refs := uploadOf(t, s, "k", Checksum{Algorithm: CRC32}, one, two, three)
	if got, err := text(t.Context(), s, at("k"), ""); err != nil || got != "before" {
		t.Errorf("before Complete k reads %d bytes, %v", len(got), err)
	}
	o, err := s.Complete(t.Context(), at("k"), u.ID, Completion{Parts: refs})
	if err != nil {
		t.Fatalf("Complete: %v", err)
	}
	h := crc32.NewIEEE()
	_, _ = io.WriteString(h, one+two+three)
	want := Digest{Sums: map[Algorithm][]byte{CRC32: h.Sum(nil)}}.Sum(CRC32)
	if o.Checksum.Value != want || o.Parts != 3 || !strings.HasSuffix(o.ETag, "-3") || o.Meta.ContentType != "text/csv" {
		t.Errorf("Complete = %+v, want CRC32 %s, 3 parts, an ETag that ends in -3, text/csv", o, want)
	}
	if got, err := text(t.Context(), s, at("k"), ""); err != nil || got != one+two+three {
		t.Errorf("after Complete k reads %d bytes, %v", len(got), err)
	}
	for _, offset := range []int64{MinPartSize - 1, MinPartSize, 2*MinPartSize + 1, o.Size - 1} {
		r, err := s.Open(t.Context(), at("k"), "", offset)
		if err != nil {
			t.Fatalf("Open at %d: %v", offset, err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != (one + two + three)[offset:] {
			t.Errorf("Open at %d reads %d bytes, %v", offset, len(got), err)
		}
		_ = r.Close()
	}
	wantBlobs(t, dir, 3, "after Complete")
	if _, err := s.Complete(t.Context(), at("k"), u.ID, Completion{Parts: refs[:2]}); err != ErrNoUpload {
		t.Errorf("Complete again with fewer parts: %v, want ErrNoUpload", err)
	}
	put(t, s, "k", "again")
	wantBlobs(t, dir, 1, "after a replacing put")
}

func TestCompleteRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir).Store
	put(t, s, "k", "before")
	u, refs := uploadOf(t, s, "k", Checksum{Algorithm: CRC32}, "small", strings.Repeat("2", MinPartSize), "3")
	for _, c := range []struct {
		name string
		refs []PartRef
		sum  string
		cond Condition
		want error
	}{
		{"a small part", refs, "", Condition{}, ErrPartSmall},
		{"the wrong order", []PartRef{refs[1], refs[0]}, "", Condition{}, ErrPartOrder},
		{"a part twice", []PartRef{refs[1], refs[1]}, "", Condition{}, ErrPartOrder},
		{"a part that was not put", []PartRef{{Number: 7, ETag: refs[0].ETag}}, "", Condition{}, ErrPart},
		{"another ETag", []PartRef{{Number: 1, ETag: refs[2].ETag}}, "", Condition{}, ErrPart},
		{"another checksum of a part", []PartRef{{Number: 2, ETag: refs[1].ETag, Checksum: Checksum{Algorithm: CRC32, Value: "AAAAAA=="}}}, "", Condition{}, ErrPart},
		{"another checksum of the whole", refs[1:], "AAAAAA==", Condition{}, fault.New(fault.BodyMismatch, "")},
		{"a condition", refs[1:], "", Condition{Absent: true}, fault.New(fault.PreconditionFailed, "")},
		{"no part", nil, "", Condition{}, fault.New(fault.Malformed, "")},
	} {
		_, err := s.Complete(t.Context(), at("k"), u.ID, Completion{Parts: c.refs, Checksum: Checksum{Algorithm: CRC32, Value: c.sum}, If: c.cond})
		if err == nil || !errors.Is(err, c.want) && fault.KindOf(err) != fault.KindOf(c.want) {
			t.Errorf("Complete with %s: %v, want %v", c.name, err, c.want)
		}
	}
	if got, err := text(t.Context(), s, at("k"), ""); err != nil || got != "before" {
		t.Errorf("after refused completions k reads %q, %v", got, err)
	}
	if err := s.Abort(t.Context(), at("k"), u.ID, time.Time{}); err != nil {
		t.Errorf("Abort: %v", err)
	}
	if err := s.Abort(t.Context(), at("k"), u.ID, time.Time{}); err != ErrNoUpload {
		t.Errorf("Abort twice: %v, want ErrNoUpload", err)
	}
	wantBlobs(t, dir, 1, "after Abort")
}

func TestPartsAreReplacedAndListed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir).Store
	put(t, s, "other", "makes the bucket")
	u, _ := uploadOf(t, s, "k", Checksum{}, "1", "2", "3", "")
	if _, err := s.WritePart(t.Context(), at("k"), u.ID, 2, Write{}, strings.NewReader("two")); err != nil {
		t.Fatalf("WritePart: %v", err)
	}
	wantBlobs(t, dir, 4, "after a part was replaced")
	var got []string
	for after, more := 0, true; more; {
		var parts []Part
		var err error
		if parts, more, err = s.Parts(t.Context(), at("k"), u.ID, after, 3); err != nil {
			t.Fatalf("Parts: %v", err)
		}
		for _, p := range parts {
			got = append(got, fmt.Sprint(p.Number, ":", p.Size))
			after = p.Number
		}
	}
	if want := []string{"1:1", "2:3", "3:1", "4:0"}; !slices.Equal(got, want) {
		t.Errorf("Parts by 3 = %q, want %q", got, want)
	}
	if err := s.Delete(t.Context(), at("other")); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	if err := s.DeleteBucket(t.Context(), "1", "work"); err != nil {
		t.Errorf("DeleteBucket with an upload: %v", err)
	}
	wantBlobs(t, dir, 0, "after the bucket went")
}

func TestUploadsAreListed(t *testing.T) {
	t.Parallel()
	s := openIn(t, t.TempDir()).Store
	put(t, s, "other", "makes the bucket")
	var want []string
	for _, key := range []string{"a", "a", "a/1", "a/2", "b"} {
		u, _ := uploadOf(t, s, key, Checksum{})
		want = append(want, key+" "+u.ID)
	}
	for _, c := range []struct {
		delimiter string
		want      []string
	}{
		{"", want},
		{"/", []string{want[0], want[1], want[4], "group a/"}},
	} {
		for size := 1; size <= 6; size++ {
			var got, groups []string
			q := UploadQuery{Query: Query{Delimiter: c.delimiter, Max: size}}
			for more := true; more; {
				p, err := s.Uploads(t.Context(), "1", "work", q)
				if err != nil {
					t.Fatalf("Uploads: %v", err)
				}
				for _, u := range p.Uploads {
					got = append(got, u.Name.Key+" "+u.ID)
				}
				for _, g := range p.Groups {
					groups = append(groups, "group "+g)
				}
				more, q.After, q.ID = p.More, p.Next, p.NextID
			}
			if got = append(got, groups...); !slices.Equal(got, c.want) {
				t.Errorf("Uploads with delimiter %q by %d = %q, want %q", c.delimiter, size, got, c.want)
			}
		}
	}
}

func TestChecksumsThatPartsCannotGive(t *testing.T) {
	t.Parallel()
	s := openIn(t, t.TempDir()).Store
	put(t, s, "other", "makes the bucket")
	if _, err := s.StartUpload(t.Context(), at("k"), Meta{}, Checksum{Algorithm: SHA256}); !fault.Is(err, fault.Invalid) {
		t.Errorf("StartUpload with a SHA256 of the whole: %v, want Invalid", err)
	}
	one := strings.Repeat("1", MinPartSize)
	u, refs := uploadOf(t, s, "k", Checksum{Algorithm: SHA256, Composite: true}, one, "2")
	o, err := s.Complete(t.Context(), at("k"), u.ID, Completion{Parts: refs})
	if err != nil || !strings.HasSuffix(o.Checksum.Value, "-2") || !o.Checksum.Composite {
		t.Errorf("Complete = %+v, %v, want a composite SHA256 that ends in -2", o.Checksum, err)
	}
}
