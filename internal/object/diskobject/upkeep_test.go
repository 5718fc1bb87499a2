package diskobject

import (
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/object"
)

func TestAbortUploads(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s, err := Open(t.TempDir(), Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	put(t, s, "k", "before")
	for range 3 {
		uploadOf(t, s, "old", Checksum{}, "one", "three")
	}
	if err := s.CreateBucket(t.Context(), "other", "another", ""); err != nil {
		t.Fatal(err)
	}
	elsewhere := object.Name{Account: "other", Bucket: "another", Key: "odd\x00key"}
	if _, err := s.StartUpload(t.Context(), elsewhere, Meta{}, Checksum{}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	recent, refs := uploadOf(t, s, "recent", Checksum{}, "text")

	for _, want := range []struct {
		before time.Duration
		limit  int
		ended  int
	}{{-2 * time.Hour, 10, 0}, {0, 3, 3}, {0, 3, 1}, {0, 3, 0}} {
		ended, bytes, err := s.AbortUploads(t.Context(), now.Add(want.before), want.limit)
		// That of the other account has no parts, and is the last of all.
		if size := int64(8 * min(ended, 3)); err != nil || ended != want.ended || ended == 3 && bytes != size {
			t.Errorf("AbortUploads before %v: %d uploads, %d bytes, %v; want %d", want.before, ended, bytes, err, want.ended)
		}
	}
	if _, err := s.Complete(t.Context(), at("recent"), recent.ID, Completion{Parts: refs}); err != nil {
		t.Errorf("Complete of an upload that is not old: %v", err)
	}
	for key, want := range map[string]string{"k": "before", "recent": "text"} {
		if got, err := text(t.Context(), s, at(key), ""); err != nil || got != want {
			t.Errorf("%s reads %q, %v; want %q", key, got, err, want)
		}
	}
}
