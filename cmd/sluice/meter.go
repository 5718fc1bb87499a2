package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// statusLine is the last line of a terminal, which is written again and again. What else is
// printed goes through it, so that the line is out of the way.
type statusLine struct {
	out   io.Writer
	width func() int // of the terminal, 0 if it is not known
	mu    sync.Mutex // an upload is shown by the goroutine that sends it
	shown bool
}

// newStatusLine returns the status line of a terminal; nil if out is none, or one that only
// takes plain lines.
func newStatusLine(out io.Writer, getenv func(string) string) *statusLine {
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || getenv("TERM") == "dumb" || getenv("NO_COLOR") != "" {
		return nil
	}
	return &statusLine{out: out, width: func() int {
		width, _, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 0
		}
		return width
	}}
}

// free returns how many columns are left beside a text of so many.
func (l *statusLine) free(used int) int {
	width := l.width()
	if width <= 0 { // not known
		return math.MaxInt
	}
	return width - 1 - used
}

// set shows a text instead of the one before.
func (l *statusLine) set(text string) {
	if width := l.width(); width > 0 && utf8.RuneCountInString(text) >= width {
		text = string([]rune(text)[:width-1])
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shown = true
	fmt.Fprint(l.out, "\r\x1b[K"+text)
}

// clear removes the line.
func (l *statusLine) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove()
}

func (l *statusLine) remove() {
	if l.shown {
		fmt.Fprint(l.out, "\r\x1b[K")
		l.shown = false
	}
}

// Write prints what is not the status line.
func (l *statusLine) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove()
	return l.out.Write(p)
}

const (
	pollEvery = 100 * time.Millisecond
	lineEvery = 5 * time.Second
	// showAfter is when progress is shown first: what is done by then does not flicker.
	showAfter = 500 * time.Millisecond
	// Rates are those of the last seconds, and unknown before the first one is over.
	speedWindow, speedAfter = 5 * time.Second, time.Second
)

// speed measures how fast a number grows.
type speed struct{ samples []sample }

type sample struct {
	at time.Time
	n  int64
}

func (s *speed) add(at time.Time, n int64) {
	switch k := len(s.samples); {
	case k == 0:
	case n < s.samples[k-1].n: // it began again
		s.samples = nil
	case at.Sub(s.samples[k-1].at) < pollEvery/2:
		return
	}
	s.samples = append(s.samples, sample{at, n})
	for len(s.samples) > 2 && at.Sub(s.samples[1].at) >= speedWindow {
		s.samples = s.samples[1:]
	}
}

// perSecond returns the rate, and false while it is not known.
func (s *speed) perSecond() (float64, bool) {
	if len(s.samples) < 2 {
		return 0, false
	}
	first, last := s.samples[0], s.samples[len(s.samples)-1]
	took := last.at.Sub(first.at)
	if took < speedAfter {
		return 0, false
	}
	return float64(last.n-first.n) / took.Seconds(), true
}

// meter shows how far something of a known size is.
type meter struct {
	line  *statusLine // nil prints a plain line now and then
	out   io.Writer   // for those
	what  string
	now   func() time.Time
	began time.Time
	next  time.Time
	bytes speed
	rows  speed
}

// newMeter returns a meter; nil shows nothing.
func (w *watcher) newMeter(what string) *meter {
	if w.quiet {
		return nil
	}
	m := &meter{line: w.line, out: w.errs, what: what, now: time.Now}
	m.begin()
	return m
}

func (m *meter) begin() {
	m.began = m.now()
	m.next = m.began.Add(lineEvery)
	if m.line != nil {
		m.next = m.began.Add(showAfter)
	}
}

// showBytes shows how many bytes of a total are done.
func (m *meter) showBytes(done, total int64) {
	if !m.due(done) {
		return
	}
	details := []string{formatBytes(done) + " of " + formatBytes(total)}
	if rate, known := m.bytes.perSecond(); known {
		details = append(details, formatBytes(int64(rate))+"/s")
	}
	m.show(done, total, details)
}

// showRows shows the progress of a job, and how much of its file is read, if the total is
// not 0.
func (m *meter) showRows(p progress, done, total int64) {
	if m == nil {
		return
	}
	m.rows.add(m.now(), p.Imported+p.Rejected)
	if !m.due(done) {
		return
	}
	var details []string
	if !p.Uncounted {
		details = append(details, grouped(p.Imported+p.Rejected)+" rows")
		if rate, known := m.rows.perSecond(); known {
			details = append(details, grouped(int64(rate))+" rows/s")
		}
		details = append(details, grouped(p.Rejected)+" rejected")
	}
	m.show(done, total, details)
}

// due notes the progress and reports whether it is time to show it.
func (m *meter) due(done int64) bool {
	if m == nil {
		return false
	}
	now := m.now()
	m.bytes.add(now, done)
	if now.Before(m.next) {
		return false
	}
	m.next = now.Add(lineEvery)
	if m.line != nil {
		m.next = now.Add(pollEvery)
	}
	return true
}

// show shows a state: as a bar on a terminal, else as a line.
func (m *meter) show(done, total int64, details []string) {
	share := 0.0
	if total > 0 {
		share = min(float64(done)/float64(total), 1)
		details = append([]string{fmt.Sprintf("%3.0f %%", 100*share)}, details...)
		if rate, known := m.bytes.perSecond(); known && rate > 0 && done < total {
			left := time.Duration(float64(total-done) / rate * float64(time.Second))
			details = append(details, "about "+roughly(left)+" left")
		}
	}
	text := strings.Join(details, "  ")
	if m.line == nil {
		fmt.Fprintln(m.out, strings.TrimSpace(m.what+"  "+text))
		return
	}
	if total > 0 {
		free := m.line.free(len(m.what) + len("  ") + utf8.RuneCountInString(text))
		text = bar(share, free) + text
	}
	m.line.set(strings.TrimSpace(m.what + "  " + text))
}

// end removes what is shown.
func (m *meter) end() {
	if m != nil && m.line != nil {
		m.line.clear()
	}
}

// barWidth is how wide a bar is at most, minBarWidth how wide at least.
const barWidth, minBarWidth = 24, 6

// bar returns a bar that takes no more columns than are free; empty if that is too few.
func bar(share float64, free int) string {
	width := min(barWidth, free-len("[] "))
	if width < minBarWidth {
		return ""
	}
	full := int(share * float64(width))
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", width-full) + "] "
}

// roughly writes a time for people, in its two largest units.
func roughly(d time.Duration) string {
	d = max(d.Round(time.Second), time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 100*time.Hour:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return "more than 100 h"
}
