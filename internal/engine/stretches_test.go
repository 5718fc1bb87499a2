package engine_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/testenv"
)

// stretches are sources of two records, with so much text that has none.
func stretches(size int) map[string]stretch {
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	first, last := `{"emailAddress":"a@example.com","reason":"BOUNCE"}`, `{"emailAddress":"b@example.com","reason":"BOUNCE"}`
	blank := "a@example.com,BOUNCE\n" + fill("\r\n") + "b@example.com,BOUNCE\n"
	return map[string]stretch{
		"blank lines":      {format: record.CSV, source: blank},
		"blank end":        {format: record.CSV, source: "a@example.com,BOUNCE\nb@example.com,BOUNCE\n" + fill(" \n")},
		"blank beginning":  {format: record.CSV, source: fill("\n") + "a@example.com,BOUNCE\nb@example.com,BOUNCE\n"},
		"packed":           {format: record.CSV, source: stored(blank), text: len(blank)},
		"long row":         {format: record.CSV, source: "a@example.com,BOUNCE\n" + fill("x") + "\nb@example.com,BOUNCE\n", bad: 1},
		"open quote":       {format: record.CSV, source: "a@example.com,BOUNCE\n\"" + fill("x") + "\nb@example.com,BOUNCE\n", bad: 1},
		"long line":        {format: record.JSON, source: first + "\n\"" + fill("x") + "\"\n" + last, bad: 1},
		"JSON white space": {format: record.JSON, source: "[" + first + "," + fill("\t") + last + "]"},
		"long element":     {format: record.JSON, source: "[" + first + ",[\"" + fill("[") + "\"]," + last + "]", bad: 1},
		"JSON end":         {format: record.JSON, source: "[" + first + "," + last + fill(" ") + "]" + fill("\n")},
	}
}

type stretch struct {
	format record.Format
	source string
	bad    int64 // records that are too long
	text   int   // how long the text of a packed source is
}

// stored packs text into a gzip file that is no smaller.
func stored(text string) string {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
	if err != nil {
		panic(err)
	}
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

func (s stretch) put(r *rig, id string) {
	r.Helper()
	r.put(id, s.source)
	r.ready(id, func(j *job.Job) { j.Source.Format = s.format })
}

func (s stretch) verify(r *rig, id job.ID) {
	r.Helper()
	j := r.job(id)
	if want := (job.Counts{Imported: 2, Rejected: s.bad}); j.State != job.Completed || j.Counts != want {
		r.Errorf("job %s is %s, %+v, %s; want completed, %+v", id, j.State, j.Counts, j.Error, want)
	}
	if size := cmp.Or(s.text, len(s.source)); j.Checkpoint.Offset != int64(size) {
		r.Errorf("job %s was read to byte %d, want %d", id, j.Checkpoint.Offset, size)
	}
}

// slowly makes the objects whose names begin with prefix take a second for 64 KiB.
func (r *rig) slowly(prefix string) *troubledObjects {
	return &troubledObjects{Objects: r.objects, piece: 64 << 10, read: func(ctx context.Context, n object.Name, _ int64) error {
		if strings.HasPrefix(n.Key, prefix) {
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}}
}

// A job gets its turn while others read text without records.
func TestTurnsWithinStretches(t *testing.T) {
	t.Parallel()
	for name, s := range stretches(2 << 20) {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.list(destination.Suppression)
				ids := []string{"slow1", "slow2", "slow3", "slow4"}
				for _, id := range ids {
					s.put(r, id)
				}
				e, _ := r.start(engine.Options{Jobs: 1}, r.slowly("slow"))
				time.Sleep(2 * time.Second)
				healthy := newRows(40_000) // not for the slot of small jobs
				r.put("healthy", healthy.String())
				r.ready("healthy")
				e.Wake()
				r.journal.await("job completed", "healthy", 1)
				for _, id := range ids {
					if j := r.job(job.ID(id)); j.State.Final() {
						t.Errorf("job %s is %s before the one behind it, want it unfinished", id, j.State)
					}
				}
				for _, id := range ids {
					r.journal.await("job completed", job.ID(id), 1)
					s.verify(r, job.ID(id))
				}
			})
		})
	}
}

// What has been read moves while no record comes, also before the first.
func TestBytesReadMove(t *testing.T) {
	t.Parallel()
	for name, s := range stretches(4 << 20) {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.list(destination.Suppression)
				s.put(r, "j1")
				r.start(engine.Options{}, r.slowly("j1"))
				time.Sleep(20 * time.Second)
				var last int64
				for range 15 {
					time.Sleep(3 * time.Second)
					if at := r.job("j1").Checkpoint.Offset; at <= last {
						t.Errorf("%d bytes were read, and three seconds later still %d", last, at)
					} else {
						last = at
					}
				}
				r.journal.await("job completed", "j1", 1)
				s.verify(r, "j1")
			})
		})
	}
}

// A source that breaks in the middle of a stretch fails its job as it does elsewhere: an
// attempt that comes no further than the one before is no progress.
func TestAttemptsWithinStretches(t *testing.T) {
	t.Parallel()
	for name, s := range stretches(4 << 20) {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRig(t)
				r.list(destination.Suppression)
				s.put(r, "j1")
				const end = 2 << 20
				r.start(engine.Options{}, &troubledObjects{Objects: r.objects, piece: 64 << 10, read: func(_ context.Context, _ object.Name, at int64) error {
					if at >= end {
						return errors.New("strange")
					}
					return nil
				}})
				r.journal.await("job failed", "j1", 1)
				j := r.job("j1")
				if n := r.journal.count("job attempt failed", "j1"); !strings.HasPrefix(j.Error, "internal error") || n > 6 {
					t.Errorf("%d attempts and error %q, want five without progress and an internal error", n, j.Error)
				}
				if at := j.Checkpoint.Offset; at < end-128<<10 || at > end {
					t.Errorf("the checkpoint is at byte %d, want it near %d", at, end)
				}
			})
		})
	}
}

// A job of more records than one may have fails at the last that it may, whatever lies
// before the next.
func TestLimitBehindStretch(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		stretches(1 << 20)["blank lines"].put(r, "j1")
		r.start(engine.Options{Limits: limits{records: 1}}, r.slowly("j1"))
		r.journal.await("job failed", "j1", 1)
		if j := r.job("j1"); j.Counts.Imported != 1 || j.Checkpoint.Record != 1 {
			t.Errorf("%+v, checkpoint behind record %d; want one record", j.Counts, j.Checkpoint.Record)
		}
	})
}

// stretchCase has checkpoints within text that has no record.
func stretchCase(name string) crashCase {
	s := stretches(5 << 18)[name]
	return crashCase{name: name, kind: destination.Suppression, text: s.source, format: s.format, slow: true, verify: func(r *rig) { s.verify(r, "j1") }}
}

// randomStretches draws a CSV source whose records are between blank lines and rows that
// are too long.
func randomStretches(t *testing.T) (text string, c job.Counts) {
	t.Helper()
	random := testenv.Rand(t)
	var b strings.Builder
	for i := range 15 {
		switch random.IntN(3) {
		case 0:
			b.WriteString(strings.Repeat("\r\n", random.IntN(200_000)))
		case 1:
			b.WriteString(strings.Repeat("x", record.MaxRecord+1+random.IntN(300_000)) + "\n")
			c.Rejected++
		default:
			fmt.Fprintf(&b, "c%d@example.com,BOUNCE\n", i)
			c.Imported++
		}
	}
	return b.String(), c
}

// An engine that is ended again and again within stretches comes to the same counts.
func TestEndedWithinStretches(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t)
		r.list(destination.Suppression)
		text, want := randomStretches(t)
		for _, source := range []string{text, stored(text)} {
			id := fmt.Sprintf("j%d", len(source))
			r.put(id, source)
			r.ready(id)
			ended := 0
			for ; !r.job(job.ID(id)).State.Final(); ended++ {
				_, end := r.start(engine.Options{}, r.slowly(id))
				// Longer each time: what is packed is unpacked from its start.
				time.Sleep(time.Duration(ended+1) * time.Duration(len(source)/(64<<10)/6) * time.Second)
				end()
			}
			if j := r.job(job.ID(id)); j.State != job.Completed || j.Counts != want || j.Checkpoint.Offset != int64(len(text)) {
				t.Errorf("job is %s, %+v, read to byte %d; want completed, %+v, %d", j.State, j.Counts, j.Checkpoint.Offset, want, len(text))
			}
			if ended < 3 {
				t.Errorf("the engine was ended %d times, want several", ended)
			}
		}
	})
}
