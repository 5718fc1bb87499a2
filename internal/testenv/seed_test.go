package testenv

import "testing"

func TestSeedIsRepeated(t *testing.T) {
	t.Setenv(seedVariable, "42")
	var r recorder
	a, b := Rand(&r), Rand(t)
	for i := range 10 {
		if got, want := a.Uint64(), b.Uint64(); got != want {
			t.Fatalf("number %d with the same seed is %d, want %d", i, got, want)
		}
	}
	const want = `to repeat with the same random numbers: SLUICE_SEED=42 go test -count=1 -run '^TestPowerCuts$/^50%,a\+b$' ./internal/testenv`
	if r.log != want {
		t.Errorf("the log has\n%s\nwant\n%s", r.log, want)
	}
}

func TestSeedVaries(t *testing.T) {
	t.Setenv(seedVariable, "")
	if a, b := Rand(t).Uint64(), Rand(t).Uint64(); a == b {
		t.Errorf("two generators both begin with %d", a)
	}
}

func TestSeedIsNoNumber(t *testing.T) {
	t.Setenv(seedVariable, "0x2a")
	var r recorder
	Rand(&r)
	if want := `SLUICE_SEED: strconv.ParseUint: parsing "0x2a": invalid syntax`; r.fatal != want {
		t.Errorf("Fatalf got %q, want %q", r.fatal, want)
	}
}

func TestLocation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ module, pkg, flag, dir string }{
		{repository, repository + "/internal/engine", "", "./internal/engine"},
		{repository + "/conformance", repository + "/conformance", "-C conformance ", "."},
		{repository + "/conformance", repository + "/conformance/fleet", "-C conformance ", "./fleet"},
		{repository, "command-line-arguments", "", "./..."},
	} {
		if flag, dir := location(tt.module, tt.pkg); flag != tt.flag || dir != tt.dir {
			t.Errorf("location(%q, %q): %q, %q, want %q, %q", tt.module, tt.pkg, flag, dir, tt.flag, tt.dir)
		}
	}
}
