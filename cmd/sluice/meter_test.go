package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestMeterOnATerminal: nothing at first, no rate before it can be known, rates of the last
// seconds, a time that is left, and never more than a line.
func TestMeterOnATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Unix(1_000_000, 0)
	line := &statusLine{out: &out, width: func() int { return 80 }}
	m := &meter{line: line, out: line, what: "uploading", now: func() time.Time { return now }}
	m.begin()
	frame := func(after time.Duration, done int64) string {
		now = now.Add(after)
		out.Reset()
		m.showBytes(done, 100_000_000)
		return out.String()
	}
	const ms = time.Millisecond
	for _, c := range []struct {
		after time.Duration
		done  int64
		want  string
	}{
		{0, 50_000_000, ""}, // what the kernel's buffers take at once
		{400 * ms, 51_000_000, ""},
		{200 * ms, 52_000_000, "\r\x1b[Kuploading  [============            ]  52 %  52.0 MB of 100.0 MB"},
		{400 * ms, 54_000_000, "\r\x1b[Kuploading  [======      ]  54 %  54.0 MB of 100.0 MB  4.0 MB/s  about 12 s left"},
		{20 * ms, 54_000_000, ""}, // too soon
	} {
		if got := frame(c.after, c.done); got != c.want {
			t.Errorf("after %s at %d: %q, want %q", c.after, c.done, got, c.want)
		}
	}
	line.width = func() int { return 0 }
	for i := range 60 {
		frame(100*ms, 54_000_000+int64(i+1)*200_000)
	}
	if got, want := frame(100*ms, 66_200_000), " 66 %  66.2 MB of 100.0 MB  2.0 MB/s  about 17 s left"; !strings.HasSuffix(got, want) {
		t.Errorf("after six seconds: %q, want %q at its end", got, want)
	}
	if _, err := line.Write([]byte("a note\n")); err != nil || !strings.HasSuffix(out.String(), "\r\x1b[Ka note\n") {
		t.Errorf("a note: %q (%v), want it on a line of its own", out.String(), err)
	}
	out.Reset()
	m.end()
	if out.Len() != 0 {
		t.Errorf("at the end: %q, want nothing, as no line is shown", out.String())
	}
}

// TestMeterElsewhere: a plain line every five seconds.
func TestMeterElsewhere(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Unix(1_000_000, 0)
	m := &meter{out: &out, what: "importing", now: func() time.Time { return now }}
	m.begin()
	for i := range 121 {
		m.showRows(progress{Imported: int64(i) * 90_000, Rejected: int64(i) * 10_000}, int64(i)*1000, 200_000)
		now = now.Add(pollEvery)
	}
	const want = "importing   25 %  5,000,000 rows  1,000,000 rows/s  500,000 rejected  about 15 s left\n" +
		"importing   50 %  10,000,000 rows  1,000,000 rows/s  1,000,000 rejected  about 10 s left\n"
	if got := out.String(); got != want {
		t.Errorf("printed\n%swant\n%s", got, want)
	}
}

// TestPlainTerminals get no control sequences.
func TestPlainTerminals(t *testing.T) {
	t.Parallel()
	if line := newStatusLine(new(bytes.Buffer), env{}.get); line != nil {
		t.Error("a buffer has a status line")
	}
	tty := terminal(t)
	if tty == nil {
		t.Skip("no pseudo-terminal here")
	}
	for _, c := range []struct {
		env  env
		want bool
	}{
		{env{"TERM": "xterm"}, true},
		{env{"TERM": "dumb"}, false},
		{env{"TERM": "xterm", "NO_COLOR": "1"}, false},
	} {
		if got := newStatusLine(tty, c.env.get) != nil; got != c.want {
			t.Errorf("status line with %v: %v, want %v", c.env, got, c.want)
		}
	}
}

func TestRoughly(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Millisecond: "1 s", 59 * time.Second: "59 s", 61 * time.Second: "1 min 1 s",
		59*time.Minute + 59600*time.Millisecond: "1 h 0 min", 3*time.Hour + 90*time.Second: "3 h 2 min",
		1000 * time.Hour: "more than 100 h",
	} {
		if got := roughly(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

// TestUploadIsNotShownAfterItsEnd: an HTTP client may read on for a moment after an error.
func TestUploadIsNotShownAfterItsEnd(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	line := &statusLine{out: &out, width: func() int { return 0 }}
	now := time.Unix(1_000_000, 0)
	m := &meter{line: line, out: line, what: "uploading", now: func() time.Time { now = now.Add(time.Second); return now }}
	m.begin()
	body := &source{from: &metered{r: strings.NewReader("0123456789"), m: m, size: 10}, left: 10}
	if _, err := body.Read(make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	if used, err := body.stop(); !used || err != nil || !strings.HasSuffix(out.String(), "\r\x1b[K") {
		t.Errorf("stop: used %v, %v, printed %q; want the line removed", used, err, out.String())
	}
	out.Reset()
	if n, err := body.Read(make([]byte, 4)); n != 0 || err == nil || out.Len() != 0 {
		t.Errorf("read after the end: %d bytes, %v, printed %q; want an error and nothing", n, err, out.String())
	}
}
