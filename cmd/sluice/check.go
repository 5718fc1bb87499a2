package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/internal/check"
	"github.com/sluicehq/sluice/internal/gateway/snapshots"
)

// exitFindings is the exit code of a check that has found something.
const exitFindings = 3

// findingsError says that a check has found something.
type findingsError struct{ text string }

func (e findingsError) Error() string { return e.text }
func (e findingsError) exitCode() int { return exitFindings }

func newCheck() *cobra.Command {
	var data string
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Look for damage in a data directory, of a stopped or a running server",
		Long: `Looks for damage and for what does not hold together in a data directory: every file
and row of the store and of the object index, every stored object, and the references
between jobs, their sources and their reports. It names the file, job, list or object,
and says what to do. Members are never named: their keys may be addresses.

On a stopped server's directory it keeps a server from starting until it is done. If a
server runs it makes a snapshot through it and checks that; the server goes on working.

--deep also reads every stored object and verifies its checksums; without it objects are
checked by their size.

--repair, on a stopped server's directory only, does what is safe: it sets damaged rows
aside, releases sources held for jobs that have ended or do not exist, and removes
reports of jobs that do not exist, files that an earlier start has set aside and what a
crash has left. It prints each thing that it does. It does nothing while files of the
store are damaged; restore a backup then. Copy the directory first if in doubt.

Errors are losses or wrong answers, warnings are leftovers that take space, notes need
nobody's attention. --json prints a line of JSON a finding, and a summary as the last
one.

Exit codes: 0 no errors or warnings, or all were repaired; 1 it could not be checked;
2 a wrong command line; 3 errors or warnings were found.`,
		Example: `  sluice check
  sluice check --deep --data /srv/sluice
  sluice check --json | jq -r 'select(.severity == "error") | .subject'
  sluice check --repair`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := loadSettings(cmd.Flags(), os.Getenv); err != nil {
				return err
			}
			dir, err := dataDir(data, os.Getenv)
			if err != nil {
				return usageError{err}
			}
			limitMemory(os.Getenv)
			return runCheck(cmd.Context(), dir, o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	dataFlag(cmd.Flags(), &data)
	cmd.Flags().BoolVar(&o.deep, "deep", false, "read every stored object and verify its checksums")
	cmd.Flags().BoolVar(&o.repair, "repair", false, "do what is safe about what is found; the server must be stopped")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object per line")
	return cmd
}

type checkOptions struct{ deep, repair, json bool }

// runCheck checks a directory and prints what it finds.
func runCheck(ctx context.Context, dir string, o checkOptions, out, errs io.Writer) error {
	began := time.Now()
	found := newFindings(dir, o.json, out)
	progress := newCheckProgress(errs)
	options := check.Options{
		Dir: dir, Deep: o.deep, Progress: progress.show,
		Credentials: func() error { _, err := readCredentials(dir); return err },
	}
	c, err := check.Run(ctx, options, found.add)
	if errors.Is(err, check.ErrRunning) {
		if o.repair {
			return usageError{fmt.Errorf("a server runs on %s: stop it, a repair needs the directory for itself", dir)}
		}
		err = withSnapshot(ctx, dir, os.Getenv, defaultWaits, func(ctx context.Context, s snapshots.Snapshot) (err error) {
			options.Snapshot = s.Path
			c, err = check.Run(ctx, options, found.add)
			return err
		})
	}
	progress.clear()
	if err != nil {
		return fmt.Errorf("check %s: %w", dir, err)
	}
	if err := found.print(); err != nil {
		return err
	}
	if o.repair && c.Repairable() > 0 {
		if err := c.Repair(ctx, found.repaired); err != nil {
			fmt.Fprintln(errs, "sluice:", err)
		}
	}
	return found.end(c.Totals(), o, time.Since(began))
}

// checkProgress shows on a terminal how far a check is.
type checkProgress struct {
	line *statusLine // nil shows nothing
	next time.Time
}

func newCheckProgress(out io.Writer) *checkProgress {
	return &checkProgress{line: newStatusLine(out, os.Getenv), next: time.Now().Add(showAfter)}
}

func (p *checkProgress) show(what string, done, total int64) {
	now := time.Now()
	if p.line == nil || now.Before(p.next) {
		return
	}
	p.next = now.Add(pollEvery)
	text := what + "  " + grouped(done)
	if total > 0 {
		share := min(float64(done)/float64(total), 1)
		details := fmt.Sprintf("%3.0f %%  %s of %s", 100*share, grouped(done), grouped(total))
		text = what + "  " + bar(share, p.line.free(utf8.RuneCountInString(what+"  "+details))) + details
	}
	p.line.set(text)
}

func (p *checkProgress) clear() {
	if p.line != nil {
		p.line.clear()
	}
}

// findings prints what a check finds: line by line as JSON, or grouped for people.
type findings struct {
	dir    string
	json   *json.Encoder // nil for people
	out    io.Writer
	groups map[string]*group // by code
	counts map[check.Severity]int64
	fixed  int64
	err    error // of out
}

// group is the findings of one code: all are counted, the first are kept.
type group struct {
	kind  check.Kind
	first []check.Finding
	count int64
}

// perGroup is how many findings of one code people are shown.
const perGroup = 10

func newFindings(dir string, asJSON bool, out io.Writer) *findings {
	f := &findings{dir: dir, out: out, groups: map[string]*group{}, counts: map[check.Severity]int64{}}
	if asJSON {
		f.json = json.NewEncoder(out)
		f.json.SetEscapeHTML(false)
	}
	return f
}

func (f *findings) add(one check.Finding) {
	f.counts[one.Severity]++
	if f.json != nil {
		f.err = errors.Join(f.err, f.json.Encode(one))
		return
	}
	g := f.groups[one.Code]
	if g == nil {
		g = &group{kind: check.Kinds[one.Code]}
		f.groups[one.Code] = g
	}
	if g.count++; len(g.first) < perGroup {
		g.first = append(g.first, one)
	}
}
