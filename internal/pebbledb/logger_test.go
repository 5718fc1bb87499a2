package pebbledb

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// TestFatalExits lets the log of a database fail, which Pebble cannot survive: the
// process must end, with one log line, and the write must never return.
func TestFatalExits(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	exited := make(chan int, 10)
	failing := new(failingLogs)
	db, err := Open("db", &pebble.Options{FS: errorfs.Wrap(vfs.NewMem(), failing)}, Options{
		Name: "test", Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Exit: func(code int) { exited <- code },
	})
	if err != nil {
		t.Fatal(err)
	}
	failing.armed.Store(true)
	returned := make(chan any, 1)
	go func() {
		defer func() { returned <- recover() }()
		_ = db.Set([]byte("k"), []byte("v"), pebble.Sync)
	}()
	if got := <-exited; got != ExitCode {
		t.Errorf("exit code %d, want %d", got, ExitCode)
	}
	if got := strings.Count(log.String(), "database cannot continue"); got != 1 {
		t.Errorf("log has %d lines that say why, want 1:\n%s", got, log.String())
	}
	select {
	case r := <-returned:
		t.Errorf("the write returned or panicked with %v, want that it never does", r)
	default:
	}
}

// TestErrorsAreLoggedOnceASecond counts the lines of an error that repeats without pause.
func TestErrorsAreLoggedOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := &logger{name: "test", log: slog.New(slog.NewTextHandler(&log, nil))}
		for i := range 3000 {
			l.Errorf("error %d", i)
			time.Sleep(time.Millisecond)
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 3 {
			t.Fatalf("%d lines in 3 s, want 3:\n%s", len(lines), log.String())
		}
		for i, suppressed := range []int{0, 999, 999} {
			if want := fmt.Sprintf("suppressed=%d", suppressed); !strings.Contains(lines[i], want) {
				t.Errorf("line %d: got %s, want %s", i, lines[i], want)
			}
		}
	})
}

// TestNotWritable opens databases in directories that refuse to be written.
func TestNotWritable(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]bool{"existing": true, "new": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := vfs.NewMem()
			if prepare {
				db, err := Open("data/db", &pebble.Options{FS: disk}, Options{Name: "test"})
				if err != nil {
					t.Fatal(err)
				}
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
			}
			for _, refusal := range []error{os.ErrPermission, syscall.EROFS} {
				_, err := Open("data/db", &pebble.Options{FS: errorfs.Wrap(disk, readOnly{refusal})}, Options{Name: "test"})
				if err == nil || !strings.Contains(err.Error(), "cannot be written; make it writable") {
					t.Errorf("Open, %v: got %v, want that the directory cannot be written", refusal, err)
				}
			}
		})
	}
}

// TestInUse opens a database twice.
func TestInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/db"
	db, err := Open(dir, &pebble.Options{}, Options{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := Open(dir, &pebble.Options{}, Options{Name: "test"}); !isInUse(err) {
		t.Errorf("second Open: got %v, want ErrInUse", err)
	}
}
