package main

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/internal/api/adminapi"
)

// completeTime is how long a shell waits for values that the server has to be asked for.
const completeTime = 2 * time.Second

// flagValues are the values of flags, for completion.
var flagValues = map[string][]string{
	"action":     {"PUT", "DELETE"},
	"format":     {"CSV", "JSON"},
	"state":      {"created", "processing", "completed", "failed", "stopped"},
	"api":        {"mailmanager", "sesv2", "qconnect"},
	"shell":      {"bash", "zsh", "sh", "fish", "powershell"},
	"safe":       {"excel"},
	"limits":     {"none", "aws"},
	"log-format": {"text", "json"},
	"log-level":  {"debug", "info", "warn", "error"},
	"roles":      {"api,worker", "api", "worker"},
	"store":      {"pebble", "postgres://"},
	"objects":    {"disk", "s3://"},
}

// Flags that name files complete to file names, and to directories.
var (
	flagFiles       = []string{"config", "tls-cert", "tls-key", "output"}
	flagDirectories = []string{"data"}
)

// complete declares what completes the arguments and flags of a command.
func complete(cmd *cobra.Command) {
	switch argument := argumentName(cmd); argument {
	case "FILE":
		cmd.ValidArgsFunction = first(cobra.FixedCompletions([]cobra.Completion{"csv", "json", "jsonl", "ndjson", "txt", "gz", "zst"}, cobra.ShellCompDirectiveFilterFileExt))
	case "ID", "JOB":
		cmd.ValidArgsFunction = completeJobs(strings.Contains(cmd.Use, "..."))
	case "":
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	known := func(name string, f cobra.CompletionFunc) {
		if cmd.Flags().Lookup(name) != nil {
			_ = cmd.RegisterFlagCompletionFunc(name, f) // fails only if it is registered twice
		}
	}
	for name, values := range flagValues {
		known(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	for _, name := range flagDirectories {
		known(name, cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs))
	}
	for _, name := range flagFiles {
		known(name, cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault))
	}
	known("to", completeDestinations)
	known("list", completeDestinations)
}

// argumentName returns the name of a command's first argument, as its usage line has it.
func argumentName(cmd *cobra.Command) string {
	values := strings.Fields(cmd.Use)
	if len(values) < 2 || strings.HasPrefix(values[1], "-") || strings.HasPrefix(values[1], "[") {
		return ""
	}
	return strings.TrimSuffix(values[1], "...")
}

// first completes the first argument only.
func first(f cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return f(cmd, args, toComplete)
	}
}

// completionClient returns a client of the server that the flags so far name.
func completionClient(cmd *cobra.Command) (*client, context.Context, context.CancelFunc, error) {
	flag := func(name string) string {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed {
			return f.Value.String()
		}
		return ""
	}
	data := flag("data")
	if data == "" {
		data = os.Getenv("SLUICE_DATA")
	}
	t, err := loadClientConfig(data, flag("region"), os.Getenv)
	if err != nil {
		return nil, nil, nil, err
	}
	c, err := t.client()
	ctx, cancel := context.WithTimeout(context.Background(), completeTime)
	return c, ctx, cancel, err
}

// mostCompletions is how many values a shell is offered.
const mostCompletions = 100

// completeJobs completes the ids of jobs, with what they are.
func completeJobs(many bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) (values []cobra.Completion, _ cobra.ShellCompDirective) {
		if len(args) > 0 && !many {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		c, ctx, cancel, err := completionClient(cmd)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer cancel()
		_, _ = c.ownJobs(ctx, url.Values{}, mostCompletions, func(_ json.RawMessage, j adminapi.Job) error {
			if strings.HasPrefix(j.ID, toComplete) {
				values = append(values, cobra.CompletionWithDesc(j.ID, j.State+" "+listText(j.List)))
			}
			return nil
		})
		return values, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// completeDestinations completes --to: first the kinds, then the names of lists.
func completeDestinations(cmd *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	kind, _, named := strings.Cut(toComplete, "/")
	if !named {
		return []cobra.Completion{"address-list/", "contact-list/", "quick-responses/", "suppression"},
			cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	c, ctx, cancel, err := completionClient(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer cancel()
	all, ok := listsOf[kind]
	if !ok {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	lists, err := all(ctx, c)
	var values []cobra.Completion
	for _, l := range lists {
		if name := kind + "/" + l.name; err == nil && strings.HasPrefix(name, toComplete) && len(values) < mostCompletions {
			values = append(values, name)
		}
	}
	return values, cobra.ShellCompDirectiveNoFileComp
}
