package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/internal/backup"
	"github.com/sluicehq/sluice/internal/gateway/snapshots"
	"github.com/sluicehq/sluice/internal/object/s3object"
)

const targetHelp = `TARGET is a directory, or a bucket of an S3 other than the server's own,
s3://BUCKET/PREFIX?endpoint=URL&region=R (without endpoint: AWS). Credentials for it come
from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SHARED_CREDENTIALS_FILE and
AWS_PROFILE.`

// backupFlags are the flags of the backup command.
type backupFlags struct {
	data    string
	keep    int
	rate    int
	without bool
	json    bool
	quiet   bool
}

func newBackup() *cobra.Command {
	var f backupFlags
	cmd := &cobra.Command{
		Use:   "backup TARGET",
		Short: "Back up the data directory of a running or stopped server",
		Long: `Backs up everything that the server of a data directory keeps there: jobs, lists and
members, uploads and reports, and the root key. With --objects the uploads and reports
are not there but in an S3, and have to be backed up with it; the output says so. The
server may run and import; the backup shows one moment, and single writes wait for some
milliseconds. On a stopped server's directory no server can start until the backup is
done.

The first backup into a target copies everything, each later one only what is new. A
backup that is interrupted is never restored; the next one goes on with what it copied.

` + targetHelp + `

The target holds members and the root key in the clear: files of a directory have mode
0600, a bucket should be private and encrypted. A server with --store postgres is backed
up with PostgreSQL's own tools, see docs/operating.md.

Exit codes: 0 the backup is complete, 1 it is not, 2 the command line is wrong.`,
		Example: `  sluice backup /mnt/backup/sluice
  sluice backup /mnt/backup/sluice --keep 14      and remove all but the newest 14
  sluice backup 's3://backups/sluice?endpoint=https://s3.example.com' --quiet
  sluice backup list /mnt/backup/sluice
  sluice backup verify /mnt/backup/sluice
  sluice restore /mnt/backup/sluice --data /srv/sluice`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runBackup(cmd, args[0], &f) },
	}
	dataFlag(cmd.Flags(), &f.data)
	cmd.Flags().IntVar(&f.keep, "keep", 0, "`number` of complete backups to leave in the target, this one included; 0 keeps all")
	cmd.Flags().IntVar(&f.rate, "rate", 0, "`MiB` a second to read at most; 0 does not limit")
	cmd.Flags().BoolVar(&f.without, "without-credentials", false, "leave out the root key; a restored server then makes another one")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the outcome as one JSON object, and no progress")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "print no progress")
	cmd.AddCommand(newBackupList(), newBackupVerify())
	return cmd
}

func runBackup(cmd *cobra.Command, target string, f *backupFlags) error {
	if err := loadSettings(cmd.Flags(), os.Getenv); err != nil {
		return err
	}
	if f.keep < 0 || f.rate < 0 {
		return usageError{errors.New("keep, rate: must not be negative")}
	}
	data, err := dataDir(f.data, os.Getenv)
	if err != nil {
		return usageError{err}
	}
	if isInside(target, data) {
		return usageError{fmt.Errorf("target: %s is inside the data directory %s and would be lost with it", target, data)}
	}
	yield() // the server's work comes first
	var r backup.Result
	err = withSource(cmd.Context(), data, os.Getenv, func(ctx context.Context, s snapshots.Snapshot, server string) error {
		t, err := openTarget(ctx, target, true, server)
		if err != nil {
			return err
		}
		source, err := backupSource(s, !f.without)
		if err != nil {
			return err
		}
		show, end := newWatcher(cmd, f.json, f.quiet).copying("backing up")
		defer end()
		r, err = backup.Run(ctx, source, t, backup.Options{
			Keep: f.keep, BytesPerSecond: f.rate << 20, Progress: show,
			Warn: func(text string) { fmt.Fprintln(cmd.ErrOrStderr(), "sluice: warning:", text) },
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("the backup is not complete: %w", err)
	}
	return printBackup(cmd.OutOrStdout(), r, data, f.json)
}

// isInside reports whether a target is a directory below dir. What is a link, or does not
// exist yet, is judged by its name.
func isInside(target, dir string) bool {
	if backup.IsBucketURL(target) {
		return false
	}
	target, err := filepath.Abs(target)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(dir, target)
	return err == nil && rel != "." && filepath.IsLocal(rel)
}

func printBackup(out io.Writer, r backup.Result, data string, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(r)
	}
	text := fmt.Sprintf("backup %s: %s files, %s, of which %s were new, in %.1f s",
		r.ID, grouped(r.Files), formatBytes(r.Bytes), formatBytes(r.Copied), r.Seconds)
	if r.Removed > 0 {
		text += fmt.Sprintf("; %d older removed", r.Removed)
	}
	for _, missing := range r.Objects.Missing(data) {
		text += "\n" + missing
	}
	_, err := fmt.Fprintln(out, text)
	return err
}

// openTarget opens the target that an argument names. server is the URL of the server
// that is backed up, if there is one.
func openTarget(ctx context.Context, target string, write bool, server string) (backup.Target, error) {
	if backup.IsBucketURL(target) {
		return backup.OpenBucket(ctx, target, write, server, s3object.Options{})
	}
	return backup.OpenDirectory(target, write)
}

func newBackupList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list TARGET",
		Short: "List the backups of a target",
		Example: `  sluice backup list /mnt/backup/sluice
  sluice backup list /mnt/backup/sluice --json | jq -r 'select(.incomplete | not) | .id'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := openTarget(cmd.Context(), args[0], false, "")
			if err != nil {
				return err
			}
			all, err := backup.Describe(cmd.Context(), t)
			if err != nil {
				return err
			}
			return printBackups(cmd.OutOrStdout(), all, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	return cmd
}

func printBackups(out io.Writer, all []backup.Backup, asJSON bool) error {
	if asJSON {
		lines := json.NewEncoder(out)
		for _, b := range all {
			if err := lines.Encode(b); err != nil {
				return err
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "BACKUP\tSTATE\tTAKEN\tFILES\tSIZE\tOBJECTS\tOF")
	for _, b := range all {
		switch {
		case b.Incomplete:
			fmt.Fprintf(table, "%s\tincomplete\t\t\t\t\t\n", b.ID)
		case b.Problem != "":
			fmt.Fprintf(table, "%s\tdamaged\t\t\t\t\t%s\n", b.ID, b.Problem)
		default:
			fmt.Fprintf(table, "%s\tcomplete\t%s\t%s\t%s\t%s\t%s\n", b.ID,
				b.Taken.Local().Format(time.DateTime), grouped(int64(b.Files)), formatBytes(b.Bytes), objectsColumn(b.Objects), b.Data)
		}
	}
	return table.Flush()
}

// objectsColumn says whether a backup has the uploads and reports.
func objectsColumn(o backup.Objects) string {
	if o.Excluded {
		return "no"
	}
	return "yes"
}

func newBackupVerify() *cobra.Command {
	var id string
	var quiet bool
	cmd := &cobra.Command{
		Use:   "verify TARGET",
		Short: "Read a whole backup and compare it with its checksums",
		Long: `Reads every file of a backup and compares size and SHA-256 with the manifest, as a
restore does, and writes nothing. Every file that is damaged or missing is named.`,
		Example: `  sluice backup verify /mnt/backup/sluice
  sluice backup verify /mnt/backup/sluice --backup 20260102T030405Z-abc123`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := openTarget(cmd.Context(), args[0], false, "")
			if err != nil {
				return err
			}
			show, end := newWatcher(cmd, false, quiet).copying("verifying")
			m, err := backup.Verify(cmd.Context(), t, backup.RestoreOptions{ID: id, Progress: show})
			end()
			if err != nil {
				return err
			}
			text := fmt.Sprintf("backup %s is whole: %s files, %s", m.ID, grouped(int64(len(m.Entries))), formatBytes(m.Bytes()))
			for _, missing := range m.Objects.Missing(m.Data) {
				text += "\n" + missing
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
			return err
		},
	}
	cmd.Flags().StringVar(&id, "backup", "", "`ID` of the backup (default the newest complete one)")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print no progress")
	return cmd
}

// copying returns a function that shows progress, and one to call at the end.
func (w *watcher) copying(what string) (show func(backup.Progress), end func()) {
	m := w.newMeter(what)
	if m == nil {
		return nil, func() {}
	}
	return func(p backup.Progress) { m.showBytes(min(p.Bytes, p.TotalBytes), p.TotalBytes) }, m.end
}

// formatBytes writes a number of bytes for people.
func formatBytes(n int64) string {
	const units = "KMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f, i := float64(n)/1000, 0
	for f >= 999.95 && i < len(units)-1 {
		f /= 1000
		i++
	}
	return fmt.Sprintf("%.1f %cB", f, units[i])
}
