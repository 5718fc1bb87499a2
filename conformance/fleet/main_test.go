// Package fleet drives three nodes that share a PostgreSQL and an S3, as processes of
// the built server, and injects faults while they import and answer: nodes are killed,
// paused and cut off, the database crashes, a standby takes its place. In come a list of
// faults and a time to spend; out comes the promise of the stores and the engine, seen
// from outside: what was acknowledged is there, every import ends with exact counts,
// members and report, and what a node that is gone has begun goes on elsewhere within
// its lease.
//
// Like the rest of conformance it knows nothing of the server's packages. It looks into
// the database's tables where the APIs do not tell how far a job is, and under which
// term.
package fleet

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const (
	rootKey    = "AKIAFLEETFLEETFLEETS"
	rootSecret = "fleet/fleet/fleet/fleet/fleet/fleet/flee"
	s3Key      = "AKIAFLEETFLEETOBJECT"
	s3Secret   = "object/object/object/object/object/objec"
)

// binary is the built program; TestMain fills it.
var binary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sluice-fleet-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "sluice")
	build := exec.Command("go", "build", "-o", binary, "./cmd/sluice")
	build.Dir = filepath.Join("..", "..") // with the versions of the product's go.mod
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
