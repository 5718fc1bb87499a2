package engine_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
)

// fallSilent sends the first bytes of each source that is opened, and then nothing more.
type fallSilent struct {
	engine.Objects
	after int64
	until time.Time // a source with the key "back" sends everything from then on
}

func (o *fallSilent) Open(ctx context.Context, n object.Name, version string, offset int64) (io.ReadCloser, error) {
	rc, err := o.Objects.Open(ctx, n, version, offset)
	if err != nil || n.Key == "back" && time.Now().After(o.until) {
		return rc, err
	}
	return &troubledReader{ReadCloser: rc, piece: 4 << 10, read: func(at int64) error {
		if at < o.after && n.Key != "back" {
			return nil
		}
		return silence(ctx)
	}}, nil
}

// Sources that send as much as an attempt needs for its turn, and then fall silent, have the
// turn one after the other. A job whose trouble is over still comes soon.
func TestRetriesBesideSourcesThatFallSilent(t *testing.T) {
	for _, n := range []int{100, 300} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.list(destination.Suppression)
				in := newRows(1000)
				for i := range n {
					key := fmt.Sprint("silent", i)
					r.put(key, in.String())
					r.ready(key)
				}
				r.put("back", in.String())
				r.ready("back")
				o := &fallSilent{Objects: r.objects, after: 12 << 10, until: time.Now().Add(20 * time.Minute)}
				r.start(engine.Options{Jobs: 2, BatchRecords: 8192}, o)
				r.journal.await("job completed", job.ID("back"), 1)
				d := time.Since(o.until)
				t.Logf("done %v after its source was back", d)
				if d > time.Minute+10*time.Second {
					t.Errorf("done %v after its source was back, want about a minute at most", d)
				}
			})
		})
	}
}

// A packed source need not unpack to anything: such text has no position at which another job
// could get its turn, neither before the first record nor behind it.
func TestTurnsInSourcesThatUnpackToNothing(t *testing.T) {
	for _, before := range []int{0, 1, 1000} {
		t.Run(fmt.Sprintf("after %d records", before), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.list(destination.Suppression)
				packed := bytes.Clone(gzipped(t, newRows(before).String()))
				packed = append(packed, bytes.Repeat(gzipped(t, ""), 1<<16)...)
				r.put("empty", string(packed))
				r.ready("empty", func(j *job.Job) { j.Source.Size = 2 << 20 }) // not for the slot of small ones
				in := newRows(1000)
				r.put("healthy", in.String())
				slow := &troubledObjects{Objects: r.objects, piece: 4 << 10, read: func(ctx context.Context, _ object.Name, _ int64) error {
					return wait(ctx, time.Second/2)
				}}
				e, _ := r.start(engine.Options{Jobs: 1}, only{slow, r.objects, "empty"})
				time.Sleep(time.Second)
				then := time.Now()
				r.ready("healthy", func(j *job.Job) { j.Source.Size = 2 << 20 })
				e.Wake()
				r.journal.await("job completed", "healthy", 1)
				if d := time.Since(then); d > 15*time.Second {
					t.Errorf("the healthy job took %v, want its turn to come after 10 s", d)
				}
			})
		})
	}
}

// gzipped returns text as a member of a gzip file.
func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	check(t, err)
	check(t, w.Close())
	return b.Bytes()
}
