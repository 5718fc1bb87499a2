package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestGeneratedIsCurrent(t *testing.T) {
	t.Parallel()
	files, err := generate("..")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join("..", path))
		if err != nil {
			t.Errorf("%v; run go generate in internal/api", err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the tables give; run go generate in internal/api", path)
		}
	}
}

// One package answers both services, so what is on the wire must be the same, and
// qconnect's limits must be the wider ones.
func TestWisdomIsQConnectOnTheWire(t *testing.T) {
	t.Parallel()
	wisdom, qconnect := mustLoad(t, "wisdom"), mustLoad(t, "qconnect")
	if wisdom.Metadata.SigningName != qconnect.Metadata.SigningName {
		t.Errorf("signing names %q and %q differ", wisdom.Metadata.SigningName, qconnect.Metadata.SigningName)
	}
	if len(wisdom.Operations) != len(qconnect.Operations) {
		t.Errorf("wisdom has %d operations, qconnect %d", len(wisdom.Operations), len(qconnect.Operations))
	}
	for name, w := range wisdom.Operations {
		q := qconnect.Operations[name]
		if w.Method != q.Method || w.URI != q.URI || w.Status != q.Status {
			t.Errorf("%s: wisdom %s %s %d, qconnect %s %s %d", name, w.Method, w.URI, w.Status, q.Method, q.URI, q.Status)
		}
	}
	for name, w := range wisdom.Shapes {
		q := qconnect.Shapes[name]
		if q == nil {
			t.Errorf("shape %s of wisdom is not in qconnect", name)
			continue
		}
		narrower(t, name, w, q)
	}
}

// narrower reports what qconnect's shape refuses and wisdom's accepts.
func narrower(t *testing.T, name string, w, q *shape) {
	t.Helper()
	if w.Type != q.Type {
		t.Errorf("%s: wisdom %s, qconnect %s", name, w.Type, q.Type)
	}
	if q.Max != nil && (w.Max == nil || *w.Max > *q.Max) || q.Min != nil && (w.Min == nil || *w.Min < *q.Min) {
		t.Errorf("%s: qconnect's limits are narrower than wisdom's", name)
	}
	for _, text := range w.Enum {
		if !slices.Contains(q.Enum, text) {
			t.Errorf("%s: qconnect lacks %s", name, text)
		}
	}
	for member, m := range w.Members {
		if q.Members[member] != m {
			t.Errorf("%s.%s: wisdom %v, qconnect %v", name, member, m, q.Members[member])
		}
	}
	for _, member := range q.Required {
		if !slices.Contains(w.Required, member) {
			t.Errorf("%s.%s: required by qconnect only", name, member)
		}
	}
}

func TestUnknownShapesEndTheGenerator(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*model){
		"no shape x":          func(m *model) { m.Shapes["In"].Members["a"] = member{Shape: "x"} },
		"type blob":           func(m *model) { m.Shapes["Text"].Type = "blob" },
		"unknown location":    func(m *model) { m.Shapes["In"].Members["a"] = member{Shape: "Text", Location: "header"} },
		"list L of integer":   func(m *model) { m.Shapes["In"].Members["a"] = member{Shape: "L"} },
		"no structure":        func(m *model) { m.Operations["Do"] = operation{Input: "Text", Output: "In"} },
		"of other than text":  func(m *model) { m.Shapes["In"].Members["a"] = member{Shape: "M"} },
		"DoInput: shape Gone": func(m *model) { m.Operations["Do"] = operation{Input: "Gone", Output: "In"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &model{
				Operations: map[string]operation{"Do": {Input: "In", Output: "In"}},
				Shapes: map[string]*shape{
					"In":   {Type: "structure", Members: map[string]member{"a": {Shape: "Text"}}},
					"Text": {Type: "string"}, "N": {Type: "integer"},
					"L": {Type: "list", Member: &ref{"N"}},
					"M": {Type: "map", Key: &ref{"Text"}, Value: &ref{"N"}},
				},
			}
			change(m)
			if _, err := newPkg(service{pkg: "x"}, m); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("newPkg: %v, want an error with %q", err, name)
			}
		})
	}
}

func mustLoad(t *testing.T, name string) *model {
	t.Helper()
	m, err := load(filepath.Join("..", "model", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestConstraints(t *testing.T) {
	t.Parallel()
	text := &shape{Type: "string", Min: new(int64(1)), Max: new(int64(255)), Pattern: "[a-z]+"}
	p := &pkg{model: &model{Shapes: map[string]*shape{"Text": text}}}
	for _, tt := range []struct {
		of   *shape
		need bool
		want string
	}{
		{text, true, " // required, 1 to 255 characters, matches [a-z]+"},
		{&shape{Type: "string", Min: new(int64(0)), Max: new(int64(256))}, false, " // at most 256 characters"},
		{&shape{Type: "string", Min: new(int64(1))}, false, " // at least 1 character"},
		{&shape{Type: "string", Min: new(int64(12)), Max: new(int64(12))}, false, " // exactly 12 characters"},
		{&shape{Type: "integer", Min: new(int64(0)), Max: new(int64(50))}, false, " // 0 to 50"},
		{&shape{Type: "list", Max: new(int64(20)), Member: &ref{"Text"}}, false, " // at most 20 elements, each 1 to 255 characters, matches [a-z]+"},
		{
			&shape{Type: "map", Max: new(int64(50)), Key: &ref{"Text"}, Value: &ref{"Text"}}, true,
			" // required, at most 50 entries, keys 1 to 255 characters, matches [a-z]+, values 1 to 255 characters, matches [a-z]+",
		},
		{&shape{Type: "timestamp"}, false, ""},
	} {
		if got := p.constraints(field{of: tt.of, need: tt.need}); got != tt.want {
			t.Errorf("constraints of %+v: %q, want %q", *tt.of, got, tt.want)
		}
	}
}
