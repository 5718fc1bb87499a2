package conformance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"

	"github.com/sluicehq/sluice/internal/testenv"
)

// TestFlippedBytes flips one byte in every file of a data directory in turn. Either the
// start refuses the directory with a sentence, or "sluice check" names the damage, or
// every answer of every API is as before; there is no fourth kind. A run tries one
// position of each file: its start, its middle, its end or a random one. With
// SLUICE_FLIPS=n it tries the first three and n random ones.
func TestFlippedBytes(t *testing.T) {
	t.Parallel()
	positions := 0
	if s := os.Getenv("SLUICE_FLIPS"); s != "" {
		var err error
		if positions, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	for name, sig := range map[string]syscall.Signal{"clean stop": syscall.SIGTERM, "kill -9": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFlips(t, sig)
			f.run(f.cases(testenv.Rand(t), positions))
			t.Logf("one byte flipped, after a %s:\n%s", name, f.table())
		})
	}
}

// flips is a data directory and what a server replies from it.
type flips struct {
	*testing.T
	data      string
	key       caller
	reference replies
	before    []string // what check finds in the undamaged directory

	mu       sync.Mutex
	outcomes map[string]map[string]int // by kind of file
}

func newFlips(t *testing.T, sig syscall.Signal) *flips {
	t.Helper()
	f := &flips{T: t, data: filepath.Join(t.TempDir(), "data"), outcomes: map[string]map[string]int{}}
	if err := os.Mkdir(f.data, 0o700); err != nil {
		t.Fatal(err)
	}
	p := f.start(f.data)
	f.key.keys = rootKey(t, f.data)
	p.keys = f.key.keys
	fill := &filler{t, p, t.TempDir()}
	fill.fill()
	fill.halfDone(sig)
	f.reference = f.answersOf(f.clone())
	if again := f.answersOf(f.clone()); !maps.Equal(again, f.reference) {
		t.Fatalf("two starts on the same directory answer differently: %s", difference(f.reference, again))
	}
	code, found, log := f.check(f.clone())
	if f.before = found; code != 0 {
		t.Fatalf("check of the undamaged directory: exit code %d, %q\n%s", code, found, log)
	}
	return f
}

func (f *flips) start(data string) *program {
	f.Helper()
	p, err := startProgram(context.Background(), data)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { p.end(syscall.SIGKILL) })
	if !p.running() {
		f.Fatalf("the server ended:\n%s", p.log)
	}
	return p
}

func (f *flips) answersOf(data string) replies {
	f.Helper()
	p := f.start(data)
	p.keys = f.key.keys
	p.settled(f.Context())
	a := p.ask(f.Context())
	p.end(syscall.SIGKILL)
	return a
}

// clone copies the data directory. What nobody writes to again is linked.
func (f *flips) clone() string {
	f.Helper()
	to, err := os.MkdirTemp(filepath.Dir(f.data), "flip-")
	if err != nil {
		f.Fatal(err)
	}
	err = filepath.WalkDir(f.data, func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(f.data, path)
		switch dst := filepath.Join(to, rel); {
		case err != nil:
			return err
		case e.IsDir():
			return os.MkdirAll(dst, 0o700)
		case filepath.Ext(path) == ".sst", filepath.Base(filepath.Dir(path)) == "blobs":
			return os.Link(path, dst)
		default:
			return copyFile(path, dst)
		}
	})
	if err != nil {
		f.Fatal(err)
	}
	return to
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// flip is one byte of one file, and what it is XORed with.
type flip struct {
	file string
	at   int64
	with byte
}

func (f *flips) cases(random *rand.Rand, positions int) (all []flip) {
	perKind := map[string]int{}
	err := filepath.WalkDir(f.data, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil || info.Size() == 0 {
			return err
		}
		rel, _ := filepath.Rel(f.data, path)
		if perKind[kindOf(rel)]++; perKind[kindOf(rel)] > 8 && positions == 0 {
			return nil
		}
		at := []int64{0, info.Size() / 2, info.Size() - 1}
		for range max(positions, 1) {
			at = append(at, random.Int64N(info.Size()))
		}
		if positions == 0 {
			at = at[random.IntN(len(at)):][:1]
		}
		for _, n := range at {
			all = append(all, flip{rel, n, byte(1 + random.IntN(255))})
		}
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
	return all
}

var (
	digits = regexp.MustCompile(`[0-9]{4,}`)
	blobs  = regexp.MustCompile(`blobs/[0-9a-f]+`)
)

func kindOf(file string) string {
	return digits.ReplaceAllString(blobs.ReplaceAllString(file, "blobs/…"), "…")
}

// run tries all cases, some at a time.
func (f *flips) run(all []flip) {
	queue := make(chan flip)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for c := range queue {
				f.try(c)
			}
		})
	}
	for _, c := range all {
		queue <- c
	}
	close(queue)
	workers.Wait()
}

// The outcomes. The first three are what may be; the last fails the test.
const (
	flipRefused = "start refused"
	flipNamed   = "check names it"
	flipSame    = "answers as before"
	flipFourth  = "NEITHER"
)

func (f *flips) try(c flip) {
	data := f.clone()
	defer os.RemoveAll(data)
	if err := c.apply(data); err != nil {
		f.Error(err)
		return
	}
	code, found, checked := f.check(data)
	p, err := startProgram(f.Context(), data)
	if err != nil {
		f.Errorf("%+v: %v", c, err)
		return
	}
	defer p.end(syscall.SIGKILL)
	outcome, why := flipSame, ""
	switch {
	case !p.running():
		if outcome, why = flipRefused, refusal(p.log.String()); why != "" {
			outcome = flipFourth
		}
	default:
		p.keys = f.key.keys
		p.settled(f.Context())
		got := p.ask(f.Context())
		if !maps.Equal(got, f.reference) {
			outcome, why = flipFourth, difference(f.reference, got)
		}
		if len(found) > 0 {
			outcome = flipNamed
		}
	}
	if strings.Contains(p.log.String()+checked, "goroutine ") {
		outcome, why = flipFourth, "a panic"
	}
	if code != 0 && code != 3 && outcome != flipRefused {
		outcome, why = flipFourth, fmt.Sprintf("check ended with %d", code)
	}
	f.count(c, outcome)
	if outcome == flipFourth {
		f.Errorf("%s, byte %d XOR %#x: %s\ncheck (%d): %q %s\nserver: %s", c.file, c.at, c.with, why, code, found, checked, p.log)
	} else if testing.Verbose() {
		f.Logf("%s, byte %d XOR %#x: %s; check (%d): %.300q; server: %.600s", c.file, c.at, c.with, outcome, code, found, lastLine(p.log.String()))
	}
}

func (c flip) apply(data string) error {
	path := filepath.Join(data, c.file)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text[c.at] ^= c.with
	return errors.Join(os.Remove(path), os.WriteFile(path, text, 0o600)) // it may be a link
}

// check runs the check command and returns its exit code and what it finds.
func (f *flips) check(data string) (code int, found []string, log string) {
	cmd := command(f.Context(), "check", "--deep", "--json", "--data", data)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run()
	scan := bufio.NewScanner(&out)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		var one struct{ Code, Severity, Subject, Problem string }
		if err := json.Unmarshal(scan.Bytes(), &one); err != nil {
			f.Errorf("check printed %q: %v", scan.Text(), err)
		}
		isNamed := one.Severity == "error" || one.Severity == "warning" || one.Code == "torn-end"
		if text := one.Code + " " + one.Subject + ": " + one.Problem; isNamed && !slices.Contains(f.before, text) {
			found = append(found, text)
		}
	}
	return cmd.ProcessState.ExitCode(), found, errs.String()
}

// refusal returns what is wrong with how a start refused.
func refusal(log string) string {
	switch {
	case strings.Contains(log, "panic:") || strings.Contains(log, "goroutine "):
		return "it ended with a panic"
	case !strings.Contains(log, "sluice:") && !strings.Contains(log, "level=ERROR"):
		return "it ended without a sentence"
	case !strings.Contains(log, "restore a backup") && !strings.Contains(log, "/credentials: "):
		return "it ended without a word on what to do"
	}
	return ""
}

func lastLine(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return lines[len(lines)-1]
}

// difference returns a few questions whose replies differ.
func difference(want, got replies) string {
	var b strings.Builder
	n := 0
	for _, q := range slices.Sorted(maps.Keys(want)) {
		if got[q] != want[q] && n < 5 {
			n++
			fmt.Fprintf(&b, "\n%s:\n got %.300q\nwant %.300q", q, got[q], want[q])
		}
	}
	for q := range got {
		if _, ok := want[q]; !ok && n < 5 {
			n++
			fmt.Fprintf(&b, "\n%s: got %.300q, want no such question", q, got[q])
		}
	}
	return b.String()
}

func (f *flips) count(c flip, outcome string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kind := kindOf(c.file)
	if f.outcomes[kind] == nil {
		f.outcomes[kind] = map[string]int{}
	}
	f.outcomes[kind][outcome]++
}

func (f *flips) table() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	columns := []string{flipRefused, flipNamed, flipSame, flipFourth}
	fmt.Fprintf(w, "%s\t  file\n", strings.Join(columns, "\t"))
	total := map[string]int{}
	for _, kind := range slices.Sorted(maps.Keys(f.outcomes)) {
		for _, c := range columns {
			total[c] += f.outcomes[kind][c]
			fmt.Fprintf(w, "%d\t", f.outcomes[kind][c])
		}
		fmt.Fprintf(w, "  %s\n", kind)
	}
	for _, c := range columns {
		fmt.Fprintf(w, "%d\t", total[c])
	}
	fmt.Fprintln(w, "  in all")
	w.Flush()
	return b.String()
}
