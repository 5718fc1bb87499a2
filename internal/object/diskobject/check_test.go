package diskobject

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// inspected makes a store with a little of everything in it.
func inspected(t *testing.T) (*Store, vfs.FS) {
	t.Helper()
	disk := vfs.NewMem()
	s, err := Open("d", Options{FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	put(t, s, "a", "text of a")
	put(t, s, "b", "text of b")
	put(t, s, "empty", "")
	if _, err := s.Copy(ctx, at("a"), at("copy"), Copying{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Hold(ctx, at("b"), "job-1"); err != nil {
		t.Fatal(err)
	}
	put(t, s, "b", "another text of b")
	uploadOf(t, s, "big", Checksum{Algorithm: CRC32}, "one", "two")
	u, refs := uploadOf(t, s, "done", Checksum{Algorithm: CRC32}, strings.Repeat("1", MinPartSize), "two")
	if _, err := s.Complete(ctx, at("done"), u.ID, Completion{Parts: refs}); err != nil {
		t.Fatal(err)
	}
	return s, disk
}

// inspect closes the store and checks it.
func inspect(t *testing.T, s *Store, disk vfs.FS, o CheckOptions) (all []Finding, totals CheckTotals) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	i, err := Inspect("d", "d/index", disk, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	totals, err = i.Check(t.Context(), o, func(f Finding) { all = append(all, f) })
	if err != nil {
		t.Fatal(err)
	}
	return all, totals
}

func TestCheckClean(t *testing.T) {
	t.Parallel()
	for _, o := range []CheckOptions{{}, {Deep: true}, {Live: true}} {
		s, disk := inspected(t)
		got, totals := inspect(t, s, disk, o)
		if len(got) > 0 {
			t.Errorf("check %+v: findings %+v, want none", o, got)
		}
		want := CheckTotals{Buckets: 1, Objects: 5, Contents: 5, Holds: 1, Uploads: 1, Blobs: 7, Bytes: 9 + 9 + 17 + 6 + MinPartSize + 3}
		if totals != want {
			t.Errorf("check %+v: totals %+v, want %+v", o, totals, want)
		}
	}
}

// blobOf returns the file of an object's first segment.
func blobOf(t *testing.T, s *Store, key string) string {
	t.Helper()
	e, err := lookup(s, at(key))
	if err != nil {
		t.Fatal(err)
	}
	var c content
	if ok, err := s.get(contentKey(e.Content), &c); !ok || err != nil {
		t.Fatal(ok, err)
	}
	return c.Segments[0].Blob
}

func TestCheckFinds(t *testing.T) {
	t.Parallel()
	junk := []byte("{junk")
	set := func(key []byte, v any) func(*testing.T, *Store, *pebble.Batch) {
		return func(t *testing.T, _ *Store, b *pebble.Batch) {
			text, err := json.Marshal(v)
			if err := errors.Join(err, b.Set(key, text, nil)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name   string
		damage func(t *testing.T, s *Store, b *pebble.Batch)
		want   []string
	}{
		{"object", func(_ *testing.T, _ *Store, b *pebble.Batch) { b.Set(objectKey(at("a")), junk, nil) }, []string{WrongReferences, RowDamaged}},
		{"object without content", set(objectKey(at("new")), entry{Content: newID()}), []string{NoContent}},
		{"object with another size", func(t *testing.T, s *Store, b *pebble.Batch) {
			e, err := lookup(s, at("a"))
			if err != nil {
				t.Fatal(err)
			}
			e.Size++
			set(objectKey(at("a")), e)(t, s, b)
		}, []string{WrongSize}},
		{"bucket gone", func(_ *testing.T, _ *Store, b *pebble.Batch) { b.Delete(bucketKey("1", "work"), nil) }, []string{
			NoBucket, NoBucket, NoBucket, NoBucket, NoBucket, NoBucket,
		}},
		{"bucket", func(_ *testing.T, _ *Store, b *pebble.Batch) { b.Set(bucketKey("1", "work"), junk, nil) }, []string{RowDamaged}},
		{"content gone", func(t *testing.T, s *Store, b *pebble.Batch) {
			e, err := lookup(s, at("a"))
			if err != nil {
				t.Fatal(err)
			}
			b.Delete(contentKey(e.Content), nil)
		}, []string{BlobUnused, NoContent, NoContent}},
		{"references", func(t *testing.T, s *Store, b *pebble.Batch) { b.Delete(objectKey(at("copy")), nil) }, []string{WrongReferences}},
		{"hold", func(_ *testing.T, _ *Store, b *pebble.Batch) { b.Set(holdKey("job-1"), junk, nil) }, []string{WrongReferences, RowDamaged}},
		{"hold gone", func(_ *testing.T, _ *Store, b *pebble.Batch) { b.Delete(holdKey("job-1"), nil) }, []string{WrongReferences}},
		{"part without upload", set(partKey(strings.Repeat("0", uploadIDLength), 1), Part{Number: 1}), []string{NoUpload}},
		{"part under another number", set(partKey(strings.Repeat("0", uploadIDLength), 2), Part{Number: 1}), []string{RowDamaged, NoUpload}},
		{"completed upload", func(_ *testing.T, _ *Store, b *pebble.Batch) {
			b.Set(completedKey(strings.Repeat("0", uploadIDLength)), junk, nil)
		}, []string{RowDamaged}},
		{"completed upload under a damaged key", set(completedKey("0"), completed{}), []string{RowUnknown}},
		{"blob unknown", func(t *testing.T, s *Store, b *pebble.Batch) { b.Delete(segmentKey(blobOf(t, s, "a")), nil) }, []string{BlobMissing, BlobUnknown}},
		{"blob gone", func(t *testing.T, s *Store, _ *pebble.Batch) {
			if err := s.fs.Remove(s.fs.PathJoin(s.blobs, blobOf(t, s, "a"))); err != nil {
				t.Fatal(err)
			}
		}, []string{BlobMissing}},
		{"blob cut", func(t *testing.T, s *Store, _ *pebble.Batch) { overwrite(t, s, blobOf(t, s, "a"), "text") }, []string{BlobSize}},
		{"blob longer", func(t *testing.T, s *Store, _ *pebble.Batch) { overwrite(t, s, blobOf(t, s, "a"), "text of a and b") }, []string{BlobSize}},
		{"blob damaged", func(t *testing.T, s *Store, _ *pebble.Batch) { overwrite(t, s, blobOf(t, s, "a"), "tExt of a") }, []string{BlobDamaged}},
		{"unknown file", func(t *testing.T, s *Store, _ *pebble.Batch) { overwrite(t, s, newID(), "x") }, []string{BlobUnknown}},
		{"unfinished file", func(t *testing.T, s *Store, _ *pebble.Batch) { overwrite(t, s, newID()+".tmp", "x") }, []string{BlobUnfinished}},
		{"no table", func(_ *testing.T, _ *Store, b *pebble.Batch) { b.Set([]byte("zz"), nil, nil) }, []string{RowUnknown}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, disk := inspected(t)
			b := s.db.NewBatch()
			tt.damage(t, s, b)
			if err := b.Commit(pebble.Sync); err != nil {
				t.Fatal(err)
			}
			all, _ := inspect(t, s, disk, CheckOptions{Deep: true})
			var got []string
			for _, f := range all {
				got = append(got, f.Code)
			}
			slices.Sort(got)
			slices.Sort(tt.want)
			if !slices.Equal(got, tt.want) {
				t.Errorf("found %q, want %q: %+v", got, tt.want, all)
			}
		})
	}
}

// overwrite replaces a file among the blobs.
func overwrite(t *testing.T, s *Store, name, text string) {
	t.Helper()
	path := s.fs.PathJoin(s.blobs, name)
	if err := s.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	f, err := s.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write([]byte(text))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}
