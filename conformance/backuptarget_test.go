package conformance

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// TestBackupIntoS3 has another server as its S3.
func TestBackupIntoS3(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	s, store := startOn(t, data), start(t)
	id := s.importRows(t, "rows.csv", rows(20_000, 100), types.SuppressionListImportActionPut)
	s.job(t, id, final)
	target := "s3://backups/of/sluice?endpoint=" + store.URL
	if r := backUp(t, data, target); r.Copied != r.Bytes {
		t.Errorf("first backup: %d of %d bytes copied, want all", r.Copied, r.Bytes)
	}
	if r := backUp(t, data, target, "--keep", "1"); r.Copied*10 > r.Bytes {
		t.Errorf("second backup: %d of %d bytes copied, want few", r.Copied, r.Bytes)
	}
	if list := runSluice(t, "backup", "list", target); strings.Count(list, " complete ") != 1 {
		t.Errorf("list after --keep 1:\n%s", list)
	}
	runSluice(t, "backup", "verify", target)
	if out, err := sluice("backup", "s3://own?endpoint="+s.URL, "--data", data).CombinedOutput(); err == nil || !strings.Contains(string(out), "of the server that is backed up") {
		t.Errorf("backup into the server itself: %v, %s; want a refusal", err, out)
	}
	s.kill(syscall.SIGKILL)
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	runSluice(t, "restore", target, "--data", data)
	s = startOn(t, data)
	if got := len(s.members(t)); got != 20_000-200 {
		t.Errorf("%d members are restored, want %d", got, 20_000-200)
	}
	checkReport(t, fetch(t, *s.job(t, id, final).FailureInfo.FailedRecordsS3Url), 20_000, 100)
}

// TestBackupKilled kills the backup, and stops and kills the server, while files are
// copied. What is left is never taken for a backup, the server gives the snapshot up, and
// the next backup is whole.
func TestBackupKilled(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	s := startOn(t, data)
	s.job(t, s.importRows(t, "rows.csv", rows(200_000, 1000), types.SuppressionListImportActionPut), final)
	for _, kill := range []string{"the backup", "SIGTERM", "SIGKILL"} {
		target := filepath.Join(t.TempDir(), "target")
		cmd := sluice("backup", target, "--data", data, "--rate", "1", "--quiet")
		var out buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		within(t, time.Minute, "files are copied", func() bool { return exists(filepath.Join(target, "files")) })
		switch kill {
		case "the backup":
			_ = cmd.Process.Kill()
		case "SIGTERM":
			if err := s.kill(syscall.SIGTERM); err != nil {
				t.Errorf("SIGTERM during a backup: the server ended with %v, want exit code 0", err)
			}
		case "SIGKILL":
			s.kill(syscall.SIGKILL)
		}
		if err := cmd.Wait(); err == nil {
			t.Errorf("%s: the backup ended well: %s", kill, out.String())
		}
		if list := runSluice(t, "backup", "list", target); !strings.Contains(list, " incomplete") || strings.Contains(list, " complete ") {
			t.Errorf("%s: want one incomplete backup:\n%s", kill, list)
		}
		if got, err := sluice("restore", target, "--data", filepath.Join(t.TempDir(), "r")).CombinedOutput(); err == nil || !strings.Contains(string(got), "no complete backup") {
			t.Errorf("%s: restore of an incomplete backup: %v, %s", kill, err, got)
		}
		if kill != "the backup" {
			s = startOn(t, data)
		}
		within(t, time.Minute, "the snapshot is gone", func() bool { return !hasSnapshots(t, data) })
		backUp(t, data, target)
		runSluice(t, "backup", "verify", target)
		if list := runSluice(t, "backup", "list", target); strings.Contains(list, "incomplete") {
			t.Errorf("%s: after a whole backup:\n%s", kill, list)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func hasSnapshots(t *testing.T, data string) bool {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(data, "snapshots"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return len(entries) > 0
}
