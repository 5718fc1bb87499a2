package engine_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/sluicehq/sluice/internal/job"
)

// journal keeps what is logged, so that tests can wait for it.
type journal struct {
	*journalState
	attrs []slog.Attr
}

type journalState struct {
	mu    sync.Mutex
	moved *sync.Cond
	lines []string
}

func newJournal() *journal {
	s := &journalState{}
	s.moved = sync.NewCond(&s.mu)
	return &journal{journalState: s}
}

func (j *journal) WithGroup(string) slog.Handler { panic("no groups are used") }

func (j *journal) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

func (j *journal) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &journal{journalState: j.journalState, attrs: append(j.attrs[:len(j.attrs):len(j.attrs)], attrs...)}
}

func (j *journal) Handle(_ context.Context, rec slog.Record) error {
	var b strings.Builder
	b.WriteString(rec.Message)
	write := func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	}
	for _, a := range j.attrs {
		write(a)
	}
	rec.Attrs(write)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, b.String())
	j.moved.Broadcast()
	return nil
}

// await waits until something was logged about a job the n-th time.
func (j *journal) await(message string, id job.ID, n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.count(message, id) < n {
		j.moved.Wait()
	}
}

func (j *journal) count(message string, id job.ID) (n int) {
	for _, l := range j.lines {
		if strings.HasPrefix(l, fmt.Sprintf("%s job=%s ", message, id)) {
			n++
		}
	}
	return n
}

// messages returns what was logged, in order, as "message id".
func (j *journal) messages() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []string
	for _, l := range j.lines {
		message, rest, _ := strings.Cut(l, " job=")
		id, _, _ := strings.Cut(rest, " ")
		all = append(all, message+" "+id)
	}
	return all
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "\n")
}
