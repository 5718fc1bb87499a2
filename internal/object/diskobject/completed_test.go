package diskobject

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/testenv"
)

// TestCompleteAgain: the same completion has the same answer, also after a restart and
// when the object was replaced; another one has none.
func TestCompleteAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir)
	put(t, s.Store, "other", "makes the bucket")
	u, refs := uploadOf(t, s.Store, "k", Checksum{Algorithm: CRC32}, strings.Repeat("1", MinPartSize), "two")
	c := Completion{Parts: refs, If: Condition{Absent: true}}
	want, err := s.Complete(t.Context(), at("k"), u.ID, c)
	if err != nil {
		t.Fatalf("Complete: %v", err)
	}
	for _, again := range []func(){
		func() {},
		func() { put(t, s.Store, "k", "replaced") },
		func() { s = s.Reopen(t).(reopenable) },
	} {
		again()
		got, err := s.Complete(t.Context(), at("k"), u.ID, c)
		if err != nil || got.ETag != want.ETag || got.Size != want.Size || got.Checksum != want.Checksum || got.Parts != want.Parts {
			t.Errorf("Complete again = %+v, %v, want %+v", got, err, want)
		}
	}
	if got, err := text(t.Context(), s.Store, at("k"), ""); err != nil || got != "replaced" {
		t.Errorf("after Complete again k reads %d bytes, %v, want what replaced it", len(got), err)
	}
	size := int64(1)
	for what, c := range map[string]struct {
		key, id string
		c       Completion
		want    error
	}{
		"other parts":      {"k", u.ID, Completion{Parts: refs[1:]}, ErrNoUpload},
		"another key":      {"other", u.ID, c, ErrNoUpload},
		"another upload":   {"k", strings.Repeat("0", uploadIDLength), c, ErrNoUpload},
		"another size":     {"k", u.ID, Completion{Parts: refs, Size: &size}, SizeError{1, MinPartSize + 3}},
		"another checksum": {"k", u.ID, Completion{Parts: refs, Checksum: Checksum{Algorithm: CRC32, Value: "AAAAAA=="}}, fault.New(fault.BodyMismatch, "")},
	} {
		_, err := s.Complete(t.Context(), at(c.key), c.id, c.c)
		if err == nil || !errors.Is(err, c.want) && fault.KindOf(err) != fault.KindOf(c.want) {
			t.Errorf("Complete again with %s: %v, want %v", what, err, c.want)
		}
	}
}

// TestCompletedAreForgotten: what is remembered of completed uploads is bounded in time,
// and does not outlive the bucket.
func TestCompletedAreForgotten(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s, err := Open(t.TempDir(), Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer func() { _ = s.Close() }()
	put(t, s, "other", "makes the bucket")
	complete := func() func() error {
		u, refs := uploadOf(t, s, "k", Checksum{}, "text")
		again := func() error {
			_, err := s.Complete(t.Context(), at("k"), u.ID, Completion{Parts: refs})
			return err
		}
		if err := again(); err != nil {
			t.Fatalf("Complete: %v", err)
		}
		return again
	}
	records := func() (n int) {
		if err := s.scan([]byte("f"), []byte("f"), func(_, _ []byte) (bool, error) { n++; return true, nil }); err != nil {
			t.Fatalf("scan: %v", err)
		}
		return n
	}
	var old func() error
	for range 20 {
		old = complete()
		now = now.Add(time.Second)
	}
	now = now.Add(completedFor - time.Minute)
	if err := old(); err != nil {
		t.Errorf("Complete again before its time is over: %v", err)
	}
	now = now.Add(time.Hour)
	if err := old(); err != ErrNoUpload {
		t.Errorf("Complete again after its time: %v, want ErrNoUpload", err)
	}
	for range 5 {
		old = complete()
	}
	if got := records(); got != 5 {
		t.Errorf("%d completed uploads are remembered, want the 5 of late", got)
	}
	now = now.Add(time.Second)
	for _, key := range []string{"k", "other"} {
		if err := s.Delete(t.Context(), at(key)); err != nil {
			t.Fatalf("Delete %s: %v", key, err)
		}
	}
	if err := s.DeleteBucket(t.Context(), "1", "work"); err != nil {
		t.Fatalf("DeleteBucket: %v", err)
	}
	put(t, s, "other", "makes another bucket")
	if err := old(); err != ErrNoUpload {
		t.Errorf("Complete again in another bucket of that name: %v, want ErrNoUpload", err)
	}
}

// TestCompleteConcurrently: of many equal completions all have the same answer.
func TestCompleteConcurrently(t *testing.T) {
	t.Parallel()
	s := openIn(t, t.TempDir()).Store
	put(t, s, "other", "makes the bucket")
	u, refs := uploadOf(t, s, "k", Checksum{}, strings.Repeat("1", MinPartSize), "two")
	var all sync.WaitGroup
	tags := make([]string, 16)
	for i := range tags {
		all.Go(func() {
			o, err := s.Complete(t.Context(), at("k"), u.ID, Completion{Parts: refs, If: Condition{Absent: true}})
			if tags[i] = o.ETag; err != nil {
				t.Errorf("Complete %d: %v", i, err)
			}
		})
	}
	all.Wait()
	for i, tag := range tags {
		if tag != tags[0] || tag == "" {
			t.Errorf("Complete %d has ETag %q, another has %q", i, tag, tags[0])
		}
	}
}

// TestPowerCutsOfComplete cuts the power before every operation of a completion and of
// its repetition: what was acknowledged can be repeated, with the same answer.
func TestPowerCutsOfComplete(t *testing.T) {
	t.Parallel()
	for _, survive := range []int{0, 50, 100} {
		t.Run(fmt.Sprintf("%d%%", survive), func(t *testing.T) {
			t.Parallel()
			p := &power{mem: testenv.NewCrashDisk(), survive: survive, rng: testenv.Rand(t)}
			p.now = promise{map[string]string{}, map[string]string{}, map[string]string{}}
			s, err := Open("data", Options{FS: errorfs.Wrap(p.mem, p)})
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			put(t, s, "other", "makes the bucket")
			u, refs := uploadOf(t, s, "whole", Checksum{}, "text")
			p.mu.Lock()
			first := len(p.cuts) // cuts before it are TestPowerCuts'
			p.mu.Unlock()
			c := Completion{Parts: refs}
			var want Object
			for range 2 {
				err := p.during("whole", "text", func() error {
					o, err := s.Complete(t.Context(), at("whole"), u.ID, c)
					want = o
					return err
				})
				if err != nil {
					t.Fatalf("Complete: %v", err)
				}
			}
			put(t, s, "other", "goes on")
			if err := s.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
			if cuts := len(p.cuts) - first; cuts < 4 {
				t.Fatalf("%d cuts, want at least 4: the disk was not watched", cuts)
			}
			for i, cut := range p.cuts[first:] {
				cut.checkCompletion(t, i, u.ID, c, want)
			}
		})
	}
}

func (c cut) checkCompletion(t *testing.T, i int, id string, in Completion, want Object) {
	t.Helper()
	s, err := Open("data", Options{FS: c.disk})
	if err != nil {
		t.Errorf("cut %d, before %s: Open: %v", i, c.before, err)
		return
	}
	defer func() { _ = s.Close() }()
	_, acknowledged := c.objects["whole"]
	before, headErr := s.Head(t.Context(), at("whole"))
	got, err := s.Complete(t.Context(), at("whole"), id, in)
	if err != nil || got.ETag != want.ETag || got.Checksum != want.Checksum {
		// Not yet completed, the upload is there with its parts: this is the first time.
		t.Errorf("cut %d, before %s: Complete = %+v, %v, want %+v", i, c.before, got, err, want)
	}
	after, err := s.Head(t.Context(), at("whole"))
	if acknowledged && (headErr != nil || before.Version != after.Version) {
		t.Errorf("cut %d, before %s: the object was %+v, %v, and is %+v, %v, want it unchanged", i, c.before, before, headErr, after, err)
	}
	if got, err := text(t.Context(), s, at("whole"), ""); err != nil || got != "text" {
		t.Errorf("cut %d, before %s: the object reads %q, %v", i, c.before, got, err)
	}
}
