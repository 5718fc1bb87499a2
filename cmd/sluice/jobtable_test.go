package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/testenv"
)

func TestJobTable(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { return new(now.Add(-d)) }
	table := newJobTable(100)
	for _, j := range []adminapi.Job{
		{
			ID: "1b4e28ba-2fa1-41d2-883f-0016d3cca427", List: adminapi.List{Kind: "contact-list", Name: "friends"}, File: "spring-2026-north.csv",
			State: "processing", Processed: 3_104_000, Rejected: 12_345, Created: ago(3 * time.Minute), Started: ago(3 * time.Minute), Seconds: 179,
			Waiting: "disk full: 41 MiB free, 72 MiB needed (--min-free)", WaitingSince: ago(2 * time.Minute),
		},
		{
			ID: "job-3qlenopx5xw66ewlx3phx7jz", List: adminapi.List{Kind: "address-list", ID: "al-mhuximuu2praois3wywmld22"}, File: "a\x1b[31m.csv",
			State: "failed", Created: ago(50 * time.Hour), Started: ago(50 * time.Hour), Seconds: 0.2, Error: strings.Repeat("no header ", 20),
		},
		{ID: "job-4qlenopx5xw66ewlx3phx7jz", List: adminapi.List{Name: "partners"}, State: "created", Created: ago(800 * 24 * time.Hour)},
	} {
		table.add(j, now)
	}
	var out strings.Builder
	if err := table.write(&out); err != nil {
		t.Fatal(err)
	}
	want := `
JOB                                   LIST       FILE        STATE              REJECTED  AGE   TOOK
1b4e28ba-2fa1-41d2-883f-0016d3cca427  friends    spri…h.csv  processing  12,345 of 3.10M   3m  2m59s
  waiting: disk full: 41 MiB free, 72 MiB needed (--min-free) for 2m
job-3qlenopx5xw66ewlx3phx7jz          al-m…ld22  a�[31m.csv  failed                    -   2d  200ms
  error: no header no header no header no header no header no header no header no header no header …
job-4qlenopx5xw66ewlx3phx7jz          partners   -           created                   -   2y      -
`
	if got := "\n" + out.String(); got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
}

// TestJobTableIsNarrow: whatever the names are, no line is wider than a terminal.
func TestJobTableIsNarrow(t *testing.T) {
	t.Parallel()
	random := testenv.Rand(t)
	letters := []rune("ab-é東京\u0301\x07")
	text := func(most int) string {
		text := ""
		for range random.IntN(most) {
			text += string(letters[random.IntN(len(letters))])
		}
		return text
	}
	for range 300 {
		table := newJobTable(100)
		for range 1 + random.IntN(5) {
			table.add(adminapi.Job{
				ID: "1b4e28ba-2fa1-41d2-883f-0016d3cca427", List: adminapi.List{Name: text(60)}, File: text(60), State: "processing",
				Processed: 1 + random.Int64N(1<<random.IntN(46)), Rejected: random.Int64N(1 << random.IntN(46)),
				Created: new(time.Unix(random.Int64N(1<<31), 0)), Started: new(time.Unix(0, 0)), Seconds: 1e7 * random.Float64(), Error: text(300),
			}, time.Now())
		}
		var out strings.Builder
		if err := table.write(&out); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			line = strings.TrimSuffix(line, "\n")
			if n := cellsOf(line); n > 100 || strings.Contains(line, "\x07") {
				t.Errorf("a line takes %d columns, want 100 at most and nothing that does not print: %q", n, line)
			}
		}
	}
}

// TestNamesMoveNoCursor: names of lists are chosen by callers, and so is what errors say.
func TestNamesMoveNoCursor(t *testing.T) {
	t.Parallel()
	const name = "a\x1b[31m\a\u202eb\nc"
	var out strings.Builder
	j := adminapi.Job{ID: "job-1", API: "qconnect", Name: name, List: adminapi.List{Kind: "quick-responses", ID: "i", Name: name}, Error: name, LastError: name}
	if err := printJob(&out, j, false); err != nil {
		t.Fatal(err)
	}
	text := out.String() + errorText(errors.New(name))
	if strings.ContainsAny(text, "\x1b\a\u202e") {
		t.Errorf("printed %q, want no control characters", text)
	}
	if want := "a\ufffd[31m\ufffd\ufffdb\nc"; !strings.HasSuffix(text, want) {
		t.Errorf("printed %q, want %q at its end", text, want)
	}
}

func TestShortened(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"short", 5, "short"},
		{"bounces-2026-11.csv", 11, "bounc…1.csv"},
		{"東京東京東京", 7, "東…東京"},
		{"ab", 1, "…"},
	} {
		if got := shortened(c.text, c.width); got != c.want {
			t.Errorf("shortened(%q, %d) = %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

func TestNumbersAndTimesAreShort(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0", 99_999: "99,999", 100_000: "100k", 999_499: "999k", 999_500: "1.00M", 9_994_999: "9.99M", 9_995_000: "10.0M",
		99_949_999: "99.9M", 99_950_000: "100M", 1_234_567_890: "1.23G", 5_000_000_000_000: "5.00T",
	} {
		if got := compact(n); got != want {
			t.Errorf("compact(%d) = %s, want %s", n, got, want)
		}
	}
	const day = 24 * time.Hour
	for d, want := range map[time.Duration][2]string{
		0: {"0s", "0ms"}, 999 * time.Millisecond: {"0s", "999ms"}, 9949 * time.Millisecond: {"9s", "9.9s"}, 59 * time.Second: {"59s", "59s"},
		61 * time.Second: {"1m", "1m01s"}, 59*time.Minute + 59*time.Second: {"59m", "59m"}, time.Hour: {"1h", "1h00m"},
		30 * time.Hour: {"30h", "30h"}, 48 * time.Hour: {"2d", "2d"}, 729 * day: {"729d", "729d"}, 730 * day: {"2y", "2y"}, -time.Second: {"0s", "0ms"},
	} {
		if got := fmt.Sprint([2]string{ageText(d), durationText(d)}); got != fmt.Sprint(want) {
			t.Errorf("age and duration of %v: %s, want %s", d, got, want)
		}
	}
}
