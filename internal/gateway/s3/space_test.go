package s3

import (
	"bytes"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/diskspace"
	"github.com/sluicehq/sluice/internal/sigv4"
)

// filling is a body that counts what is read of it, and sees to it that the disk gets
// full when a part has been read.
type filling struct {
	left, read int
	at         int
	fill       func()
}

func (b *filling) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), b.left)
	b.left, b.read = b.left-n, b.read+n
	if b.fill != nil && b.read >= b.at {
		b.fill()
	}
	return n, nil
}

// TestUploadsAreRefusedWithoutSpace: an upload of a known size is refused before its
// body is sent, one of unknown size when there is no space left, and nothing of it
// stays.
func TestUploadsAreRefusedWithoutSpace(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	var free atomic.Uint64
	free.Store(100 * mib)
	var reads atomic.Int64 // each at a later second, so that no reading of free space is used twice
	space := diskspace.New(func() (uint64, uint64, error) { return free.Load(), 1000 * mib, nil }, diskspace.Options{
		MinFree: 32 * mib, Now: func() time.Time { return time.Unix(reads.Add(1), 0) },
	})
	e := withBucket(t, Options{Space: space})
	e.Client().Transport.(*http.Transport).ExpectContinueTimeout = time.Minute
	// What was sent when a disk was full in the middle: 20 MiB, what may be written between two
	// readings of free space, and what the buffers of two sockets hold.
	const most = 48 * mib
	for _, c := range []struct {
		name     string
		target   string
		size     int64 // announced; -1 for none
		free     uint64
		full     int // the disk is full when so many bytes were read
		status   int
		mostRead int
	}{
		{"fits", "/uploads/fits", 4 * mib, 100 * mib, 0, 200, 4 * mib},
		{"larger than what is free", "/uploads/x", 69 * mib, 100 * mib, 0, 507, 0},
		{"below the minimum", "/uploads/x", 1, 31 * mib, 0, 507, 0},
		{"below the minimum, empty", "/uploads/x", 0, 31 * mib, 0, 507, 0},
		{"below the minimum, of unknown size", "/uploads/x", -1, 31 * mib, 0, 507, 0},
		{"full in the middle, of unknown size", "/uploads/x", -1, 100 * mib, 20 * mib, 507, most},
		{"full in the middle", "/uploads/x", 60 * mib, 100 * mib, 20 * mib, 507, most},
	} {
		free.Store(c.free)
		body := &filling{left: 60 * mib, at: c.full}
		if c.size >= 0 {
			body.left = int(c.size)
		}
		if c.full > 0 {
			body.fill = func() { free.Store(16 * mib) }
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, e.URL+c.target, body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = c.size
		if c.size == 0 {
			r.Body = http.NoBody
		}
		r.Header.Set("Expect", "100-continue")
		sigv4.Sign(r, root, "eu-west-1", service, sigv4.UnsignedPayload, time.Now())
		if c.full > 0 {
			// The connection is cut below who still sends: it may miss the reply.
			if res, err := e.Client().Do(r); err == nil {
				text, _ := io.ReadAll(res.Body)
				res.Body.Close()
				wantError(t, c.name, res, string(text), c.status, "InsufficientStorage")
			}
			if body.read > c.mostRead {
				t.Errorf("%s: %d bytes of the body were sent, want %d at most", c.name, body.read, c.mostRead)
			}
			continue
		}
		res, reply := e.do(t, r)
		if c.status == http.StatusOK {
			if res.StatusCode != c.status {
				t.Errorf("%s: %s %s, want 200", c.name, res.Status, reply)
			}
			continue
		}
		wantError(t, c.name, res, reply, c.status, "InsufficientStorage")
		if body.read > c.mostRead {
			t.Errorf("%s: %d bytes of the body were sent, want %d at most", c.name, body.read, c.mostRead)
		}
	}
	free.Store(100 * mib)
	if res, _ := e.raw(t, http.MethodGet, "/uploads/x", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("GET of what was refused: %s, want 404", res.Status)
	}
	text := bytes.Repeat([]byte("x"), mib)
	if res, reply := e.raw(t, http.MethodPut, "/uploads/x", string(text)); res.StatusCode != http.StatusOK {
		t.Errorf("PUT when there is space again: %s %s, want 200", res.Status, reply)
	}
}
