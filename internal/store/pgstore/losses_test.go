package pgstore

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLossesAreLoggedOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := losses{log: slog.New(slog.NewTextHandler(&log, nil))}
		l.end()
		for range 300 { // 3 s
			l.add(errors.New("lost"))
			time.Sleep(10 * time.Millisecond)
		}
		l.end() // of a connection that was not lost
		time.Sleep(time.Second)
		l.end()
		l.end()
		text := log.String()
		if n := strings.Count(text, "database connection lost"); n != 3 {
			t.Errorf("%d lines of a loss in 3 s, want 3:\n%s", n, text)
		}
		if n := strings.Count(text, "suppressed=99"); n != 3 {
			t.Errorf("%d lines with the number of the others, want 3:\n%s", n, text)
		}
		if n := strings.Count(text, "database answers again"); n != 1 {
			t.Errorf("%d lines of the end, want 1:\n%s", n, text)
		}
	})
}
