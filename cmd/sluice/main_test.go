package main

import (
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sluicehq/sluice/internal/testenv"
)

func TestMain(m *testing.M) {
	environ, invoked = testenv.Environ, "sluice"
	testscript.Main(m, map[string]func(){"sluice": main})
}

// TestHelpHasExamples: a command that does more than name itself shows how.
func TestHelpHasExamples(t *testing.T) {
	t.Parallel()
	for _, cmd := range newRoot().Commands() {
		if cmd.Name() != "help" && cmd.Name() != "completion" && cmd.Example == "" {
			t.Errorf("sluice %s --help has no example", cmd.Name())
		}
	}
}

// TestScripts runs testdata/*.txtar: commands, and what they say. Beside testscript's
// own commands there is "await FILE", which waits until a file is there, and those of
// damage_test.go.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"damagejob": damageJob,
			"flipbyte":  flipByte,
			"await": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) != 1 {
					ts.Fatalf("usage: await FILE")
				}
				tick := time.NewTicker(5 * time.Millisecond)
				defer tick.Stop()
				for limit := time.After(2 * time.Minute); ; {
					if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
						return
					}
					select {
					case <-tick.C:
					case <-limit:
						ts.Fatalf("%s did not appear", args[0])
					}
				}
			},
		},
	})
}
