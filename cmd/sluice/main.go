// Command sluice is a server for bulk imports into lists, by the APIs of AWS, and a
// client of it.
//
// In come flags, environment and files; out go a running server, or what a command
// was asked for, and an exit code: 0 for done, 1 for failed, 2 for a command line or
// a setting that cannot be meant, 78 for one that the database or the S3 refuses. What a server is made of is put together in
// internal/node; here is what it is told.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/internal/node"
)

// version is set by the linker, see the Makefile. Without it, as with go install, it is
// what the toolchain noted.
var version string

func init() { version = cmp.Or(version, builtVersion(), "unknown") }

func builtVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return ""
}

// The exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
	exitConfig = 78 // EX_CONFIG of sysexits.h
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := untilSignal(context.Background())
	defer stop()
	return execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, args []string, out, errs io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)

	began := false // until then it was the command line that could not be understood
	root.PersistentPreRun = func(*cobra.Command, []string) { began = true }
	cmd, err := root, checkCommand(root, args)
	if err == nil {
		cmd, err = root.ExecuteContextC(ctx)
	}
	var wrong usageError
	var own exitCoder
	var setting *node.SettingError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &own):
		fmt.Fprintln(errs, "sluice:", errorText(err))
		return own.exitCode()
	case errors.As(err, &setting):
		fmt.Fprintln(errs, "sluice:", err)
		return exitConfig
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(errs, "sluice: interrupted")
		return 128 + int(signalOf(ctx))
	case began && !errors.As(err, &wrong):
		fmt.Fprintln(errs, "sluice:", errorText(err))
		return exitFailed
	}
	fmt.Fprintf(errs, "sluice: %s\nSee '%s --help'.\n", errorText(err), cmd.CommandPath())
	return exitUsage
}

// errorText returns what is printed of an error: no credentials, and no control characters,
// since names and reasons in it may be a caller's.
func errorText(err error) string {
	lines := strings.Split(withoutCredentials(err.Error()), "\n")
	for i, line := range lines {
		lines[i] = printableText(line)
	}
	return strings.Join(lines, "\n")
}

// exitCoder is an error that has an exit code of its own.
type exitCoder interface {
	error
	exitCode() int
}

// usageError is a setting that cannot be meant.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "sluice",
		Short: "Bulk imports into lists, by the APIs of AWS",
		Long: `Sluice runs bulk imports into address lists, contact lists, suppression lists and
quick responses. It speaks the import-job APIs that AWS publishes (SES Mail Manager,
SES v2, Q in Connect, Wisdom) and the S3 that carries the files, so AWS SDKs and the
AWS CLI work with it unchanged.

Commands that call a server find it by its data directory, --data or SLUICE_DATA. With
neither they go where the AWS variables point, if AWS_ENDPOINT_URL is set: see "sluice
env".`,
		Example: `  sluice serve                       start a server on 127.0.0.1:4680
  sluice import partners.csv --to address-list/partners
  eval "$(sluice env)"               point an AWS SDK or the AWS CLI at it
  aws mailmanager list-address-lists`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		newServe(),
		newDemo(),
		newEnv(),
		newImport(),
		newJobs(),
		newJob(),
		newStop(),
		newRemove(),
		newReport(),
		newBackup(),
		newRestore(),
		newCheck(),
		newReady(),
		newVersion(),
	)
	withOwnTexts(root)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(os.Args[1:]...)
	return root
}

func newVersion() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Example: `  sluice version
  sluice version --json | jq -r .version`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]string{
					"version": version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
				})
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "sluice version", version)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}
