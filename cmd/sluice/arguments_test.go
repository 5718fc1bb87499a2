package main

import (
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// TestWrongCommandLines: what is wrong is refused in one sentence, with exit code 2.
func TestWrongCommandLines(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"srve":                        `there is no command "srve"; did you mean serve?`,
		"frobnicate":                  `there is no command "frobnicate"`,
		"help srve":                   `there is no command "srve"; did you mean serve?`,
		"completion fsh":              `there is no shell "fsh"; did you mean fish?`,
		"import":                      "FILE is missing: sluice import FILE --to DESTINATION",
		"import a b --to suppression": `sluice import takes only FILE, but got "b" too`,
		"import a --to":               "--to needs a value: --to DESTINATION",
		"import a --t suppression":    "there is no flag --t",
		"job":                         "ID is missing: sluice job ID",
		"rm":                          "JOB is missing: sluice rm JOB...",
		"backup verify":               "TARGET is missing: sluice backup verify TARGET",
		"jobs extra":                  `sluice jobs takes no arguments, but got "extra"`,
		"serve --listne :1":           "there is no flag --listne; did you mean --listen?",
		"serve --jobs many":           `--jobs: "many" is not valid: it must be a whole number`,
		"serve --lease 5":             `--lease: "5" is not valid: it must be a time, such as 90s or 10m`,
		"serve --trust-proxy=maybe":   `--trust-proxy: "maybe" is not valid: it must be true or false`,
		"serve -x":                    "there is no flag -x",
		"serve postgres://u:p@h/d":    "sluice serve takes no arguments, but got the value (not shown",
		"--postgres://u:p@h/d":        "there is no such flag (not shown",
		"report id --safe word":       "safe: \"word\" is not excel",
	} {
		var errs strings.Builder
		code := execute(t.Context(), strings.Fields(line), io.Discard, &errs)
		if line == "report id --safe word" && code == exitFailed {
			continue // without a server that is the first error
		}
		if got := errs.String(); code != exitUsage || !strings.HasPrefix(got, "sluice: "+want) || !strings.Contains(got, "--help'.") {
			t.Errorf("%q: exit code %d, printed %q; want %d, %q and where the help is", line, code, got, exitUsage, want)
		}
	}
}

// TestHelpIsNotTooWide for a terminal of 100 columns.
func TestHelpIsNotTooWide(t *testing.T) {
	t.Parallel()
	var each func(*cobra.Command)
	each = func(cmd *cobra.Command) {
		var out strings.Builder
		args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
		if code := execute(t.Context(), args, &out, io.Discard); code != 0 {
			t.Errorf("%s --help: exit code %d", cmd.CommandPath(), code)
		}
		for _, line := range strings.Split(out.String(), "\n") {
			if n := utf8.RuneCountInString(line); n > helpWidth {
				t.Errorf("%s --help has a line of %d columns: %s", cmd.CommandPath(), n, line)
			}
		}
		for _, sub := range cmd.Commands() {
			if sub.Name() != "completion" && sub.Name() != "help" {
				each(sub)
			}
		}
	}
	each(newRoot())
}

// TestEnumerationsIgnoreCase where the value can only be one of a few.
func TestEnumerationsIgnoreCase(t *testing.T) {
	t.Parallel()
	c := config{limits: "AWS", logForm: "JSON", logLevel: "Warn", roles: []string{"API", " Worker"}}
	_ = c.check(env{"HOME": t.TempDir()}.get)
	if got := strings.Join(append(c.roles, c.limits, c.logForm, c.logLevel), " "); got != "api worker aws json warn" {
		t.Errorf("settings %q, want them in lower case", got)
	}
	for _, line := range []string{"import absent --to suppression --action delete", "import absent --to Address-List/x --format csv"} {
		var errs strings.Builder
		args := append(strings.Fields(line), "--data", t.TempDir())
		if code := execute(t.Context(), args, io.Discard, &errs); code != exitFailed || !strings.Contains(errs.String(), "no server runs") {
			t.Errorf("%s: exit code %d, %q; want it to look for a server", line, code, errs.String())
		}
	}
}

// TestCompletion asks as the scripts of bash, zsh and fish do.
func TestCompletion(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := launch(t, data)
	_, id := s.upload(t, partners)
	c, err := s.client()
	if err != nil {
		t.Fatal(err)
	}
	if err := importText(t.Context(), t, c, importers()[1], "emailAddress\nann@example.com\n", true, &watcher{quiet: true, out: io.Discard}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"import", "x", "--data", data, "--to", "addr"}, "address-list/\n"},
		{[]string{"import", "x", "--data", data, "--to", "contact-list/f"}, "contact-list/friends\n"},
		{[]string{"import", "x", "--data", data, "--to", "address-list/"}, "address-list/"},
		{[]string{"import", "x", "--action", ""}, "PUT\nDELETE\n"},
		{[]string{"import", ""}, "csv\n"},
		{[]string{"env", "--shell", "f"}, "fish\n"},
		{[]string{"serve", "--log-level", ""}, "debug\ninfo\nwarn\nerror\n"},
		{[]string{"job", "--data", data, ""}, id + "\tcreated address-list/"},
		{[]string{"rm", "--data", data, "job-x", "job-"}, id},
		{[]string{"jobs", "--state", "f"}, "failed\n"},
		{[]string{"stop", "--data", t.TempDir(), ""}, ":4\n"},
	} {
		var out strings.Builder
		if code := execute(t.Context(), append([]string{"__complete"}, tt.args...), &out, io.Discard); code != 0 || !strings.Contains(out.String(), tt.want) {
			t.Errorf("completion of %q: exit code %d, %q; want %q in it", tt.args, code, out.String(), tt.want)
		}
	}
}
