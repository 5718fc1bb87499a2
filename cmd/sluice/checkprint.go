package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/check"
)

var bySeverity = []check.Severity{check.Error, check.Warning, check.Note}

// print shows people what was found, the worst first.
func (f *findings) print() error {
	codes := slices.SortedFunc(maps.Keys(f.groups), func(a, b string) int {
		s := slices.Index(bySeverity, f.groups[a].kind.Severity) - slices.Index(bySeverity, f.groups[b].kind.Severity)
		return cmp.Or(s, strings.Compare(a, b))
	})
	for _, code := range codes {
		g := f.groups[code]
		f.printf("%s: %s (%s, %s)\n", strings.ToUpper(string(g.kind.Severity)), g.kind.Title, code, grouped(g.count))
		for _, one := range g.first {
			f.printf("  %s: %s\n", one.Subject, one.Problem)
		}
		if more := g.count - int64(len(g.first)); more > 0 {
			f.printf("  and %s more; --json lists all\n", grouped(more))
		}
		f.printf("  What to do: %s.\n\n", g.kind.Advice)
	}
	return f.err
}

func (f *findings) printf(format string, args ...any) {
	_, err := fmt.Fprintf(f.out, format, args...)
	f.err = errors.Join(f.err, err)
}

// repaired shows one finding that is repaired.
func (f *findings) repaired(one check.Finding) {
	f.counts[one.Severity]--
	f.fixed++
	if f.json != nil {
		f.err = errors.Join(f.err, f.json.Encode(struct {
			Repaired check.Finding `json:"repaired"`
		}{one}))
		return
	}
	f.printf("repaired: %s: %s\n", one.Subject, cmp.Or(one.Repair, "done"))
}

// end prints the summary and returns a findingsError if something is left.
func (f *findings) end(t check.Totals, o checkOptions, took time.Duration) error {
	if f.json != nil {
		f.err = errors.Join(f.err, f.json.Encode(summaryOf(f, t, o, took)))
	} else {
		f.printf("%s", checkText(f.dir, t, o, took))
	}
	if f.err != nil {
		return f.err
	}
	left := f.counts[check.Error] + f.counts[check.Warning]
	if left == 0 {
		if f.json == nil {
			f.printf("Nothing is wrong.\n")
		}
		return f.err
	}
	text := fmt.Sprintf("%s and %s in %s", plural(f.counts[check.Error], "error"), plural(f.counts[check.Warning], "warning"), f.dir)
	if !o.repair && f.repairable() {
		text += "; some can be repaired with --repair"
	}
	return findingsError{text}
}

func (f *findings) repairable() bool {
	for _, g := range f.groups {
		for _, one := range g.first {
			if one.Repair != "" && one.Severity != check.Note {
				return true
			}
		}
	}
	return false
}

// checkSummary is the last line of --json.
type checkSummary struct {
	Summary struct {
		Errors   int64   `json:"errors"`
		Warnings int64   `json:"warnings"`
		Notes    int64   `json:"notes"`
		Repaired int64   `json:"repaired"`
		Deep     bool    `json:"deep"`
		Jobs     int64   `json:"jobs"`
		Lists    int64   `json:"lists"`
		Members  int64   `json:"members"`
		Rejects  int64   `json:"rejected"`
		Objects  int64   `json:"objects"`
		Blobs    int64   `json:"blobs"`
		Bytes    int64   `json:"bytes"`
		Seconds  float64 `json:"seconds"`
	} `json:"summary"`
}

func summaryOf(f *findings, t check.Totals, o checkOptions, took time.Duration) (s checkSummary) {
	r := &s.Summary
	r.Errors, r.Warnings, r.Notes, r.Repaired = f.counts[check.Error], f.counts[check.Warning], f.counts[check.Note], f.fixed
	r.Deep, r.Seconds = o.deep, took.Seconds()
	r.Jobs, r.Lists, r.Members, r.Rejects = t.Store.Jobs, t.Store.Lists, t.Store.Members, t.Store.Rejects
	r.Objects, r.Blobs, r.Bytes = t.Objects.Objects, t.Objects.Blobs, t.Objects.Bytes
	return s
}

func checkText(dir string, t check.Totals, o checkOptions, took time.Duration) string {
	depth := "their sizes; --deep reads their bytes"
	if o.deep {
		depth = "all bytes"
	}
	store := fmt.Sprintf("%s, %s, %s, %s", plural(t.Store.Jobs, "job"), plural(t.Store.Lists, "list"),
		plural(t.Store.Members, "member"), plural(t.Store.Rejects, "rejected record"))
	if t.NoStore {
		store = "no store, since it is kept elsewhere"
	}
	return fmt.Sprintf("Checked %s in %.1f s: %s; %s in %s of %s bytes (%s).\n", dir, took.Seconds(), store,
		plural(t.Objects.Objects, "object"), plural(t.Objects.Blobs, "file"), grouped(t.Objects.Bytes), depth)
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return grouped(n) + " " + what + "s"
}
