package testenv

import (
	"fmt"
	"testing"
)

// recorder is a testing.TB that records how a test ends.
type recorder struct {
	testing.TB
	log, fatal, skipped string
}

func (*recorder) Helper()                        {}
func (*recorder) Name() string                   { return "TestPowerCuts/50%,a+b" }
func (r *recorder) Logf(f string, args ...any)   { r.log += fmt.Sprintf(f, args...) }
func (r *recorder) Fatalf(f string, args ...any) { r.fatal += fmt.Sprintf(f, args...) }
func (r *recorder) Skipf(f string, args ...any)  { r.skipped += fmt.Sprintf(f, args...) }

func TestMissing(t *testing.T) {
	t.Setenv(allVariable, "")
	var r recorder
	Missing(&r, "PostgreSQL")
	MissingOptional(&r, "; the AWS CLI", "pip install awscli")
	if want := "PostgreSQL is not installed: run make setup; the AWS CLI is not installed: pip install awscli"; r.skipped != want || r.fatal != "" {
		t.Errorf("skipped: %q, failed: %q, want it skipped: %q", r.skipped, r.fatal, want)
	}
}

func TestMissingWhereAllIsWanted(t *testing.T) {
	t.Setenv(allVariable, "1")
	var r recorder
	MissingOptional(&r, "the AWS CLI", "pip install awscli")
	if r.fatal != "" {
		t.Errorf("failed for what make setup does not install: %q", r.fatal)
	}
	Missing(&r, "PostgreSQL")
	if want := "PostgreSQL is not installed, and SLUICE_TEST_ALL is set: run make setup"; r.fatal != want {
		t.Errorf("failed: %q, want %q", r.fatal, want)
	}
}
