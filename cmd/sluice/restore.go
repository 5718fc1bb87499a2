package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/internal/backup"
)

func newRestore() *cobra.Command {
	var data, id string
	var asJSON, quiet bool
	cmd := &cobra.Command{
		Use:   "restore TARGET",
		Short: "Make a data directory from a backup",
		Long: `Makes the directory of --data from a backup, which "sluice serve" then starts on: with
all that the server had at the moment of the backup. Jobs that were unfinished go on from
the checkpoint of that moment.

Nothing is overwritten: the directory must not exist, or be empty. Every file is compared
with its checksum while it is copied; if one does not match, or anything else fails, no
directory is made, and the message names the file. An older backup may still be whole:
see "sluice backup list", "sluice backup verify" and --backup.

` + targetHelp,
		Example: `  sluice restore /mnt/backup/sluice --data /srv/sluice
  sluice restore 's3://backups/sluice?endpoint=https://s3.example.com' --data ./restored
  sluice restore /mnt/backup/sluice --data ./old --backup 20260102T030405Z-abc123`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := loadSettings(cmd.Flags(), os.Getenv); err != nil {
				return err
			}
			switch {
			case data == "":
				return usageError{errors.New("data: name the directory to make, with --data")}
			case isConnection(data):
				return usageError{errDataURL}
			}
			t, err := openTarget(cmd.Context(), args[0], false, "")
			if err != nil {
				return err
			}
			show, end := newWatcher(cmd, asJSON, quiet).copying("restoring")
			m, err := backup.Restore(cmd.Context(), t, data, backup.RestoreOptions{ID: id, Progress: show})
			end()
			if err != nil {
				return fmt.Errorf("nothing was restored: %w", err)
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{
					"id": m.ID, "taken": m.Taken, "files": len(m.Entries), "bytes": m.Bytes(), "data": data, "objects": m.Objects,
				})
			}
			start := "sluice serve --data " + shellQuote(data)
			if m.Objects.Excluded {
				start += " --objects " + shellQuote("s3://"+cmp.Or(m.Objects.Bucket, "BUCKET")+"?...")
			}
			text := fmt.Sprintf("restored backup %s of %s into %s: %s files, %s\n",
				m.ID, m.Taken.Local().Format(time.DateTime), data, grouped(int64(len(m.Entries))), formatBytes(m.Bytes()))
			for _, missing := range m.Objects.Missing(m.Data) {
				text += missing + "\n"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%sStart it with:  %s\n", text, start)
			return err
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "`directory` to make; it must not exist, or be empty")
	cmd.Flags().StringVar(&id, "backup", "", "`ID` of the backup (default the newest complete one)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the outcome as one JSON object, and no progress")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print no progress")
	return cmd
}
