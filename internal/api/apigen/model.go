package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode"
)

// model is one interface table.
type model struct {
	Metadata struct {
		Protocol, SigningName, TargetPrefix string
	}
	Operations map[string]operation
	Shapes     map[string]*shape
}

type operation struct {
	Errors        []string
	Input, Output string
	Method, URI   string
	Status        int
}

type shape struct {
	Type             string
	Members          map[string]member
	Required         []string
	Member           *ref
	Key, Value       *ref
	Enum             []string
	Pattern          string
	Min, Max         *int64
	Union, Exception bool
	HTTPStatus       int
}

type ref struct{ Shape string }

type member struct {
	Shape                  string
	Location, LocationName string
}

func load(path string) (*model, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := new(model)
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// structure is a Go struct to be.
type structure struct {
	name    string
	from    *shape
	fields  []field
	in, out bool // reached from an input, from an output
	isIn    bool // is an operation's input
	isOut   bool // is an operation's output
}

type field struct {
	goName string
	wire   string // its name in JSON, path or query
	source string // "body", "uri" or "querystring"
	need   bool
	shape  string
	of     *shape
}

// pkg is a package to be.
type pkg struct {
	service
	model   *model
	structs map[string]*structure
	enums   []string // shapes, in order
	out     buffer
}

func newPkg(s service, m *model) (*pkg, error) {
	p := &pkg{service: s, model: m, structs: map[string]*structure{}}
	for _, name := range p.operations() {
		op := m.Operations[name]
		if err := p.reach(op.Input, name+"Input", true); err != nil {
			return nil, err
		}
		p.structs[name+"Input"].isIn = true
		if err := p.reach(op.Output, name+"Output", false); err != nil {
			return nil, err
		}
		p.structs[name+"Output"].isOut = true
	}
	slices.Sort(p.enums)
	p.enums = slices.Compact(p.enums)
	return p, nil
}

func (p *pkg) operations() []string { return slices.Sorted(maps.Keys(p.model.Operations)) }

func (p *pkg) sorted() []*structure {
	var all []*structure
	for _, name := range slices.Sorted(maps.Keys(p.structs)) {
		all = append(all, p.structs[name])
	}
	return all
}

// reach takes in the structure of a shape, and all that it needs, under a Go name.
func (p *pkg) reach(shapeName, goName string, input bool) error {
	s := p.structs[goName]
	if s == nil {
		s = &structure{name: goName, from: p.model.Shapes[shapeName]}
		p.structs[goName] = s
	}
	if s.from == nil || s.from.Type != "structure" || s.from != p.model.Shapes[shapeName] {
		return fmt.Errorf("%s: shape %s is no structure, or its name is taken", goName, shapeName)
	}
	seen := &s.out
	if input {
		seen = &s.in
	}
	if *seen {
		return nil
	}
	*seen = true
	s.fields = s.fields[:0]
	for _, name := range slices.Sorted(maps.Keys(s.from.Members)) {
		m := s.from.Members[name]
		of := p.model.Shapes[m.Shape]
		f := field{goName: export(name), wire: name, source: "body", shape: m.Shape, of: of}
		f.need = slices.Contains(s.from.Required, name) && !s.from.Union
		if m.Location != "" {
			f.source, f.wire = m.Location, m.LocationName
		}
		if f.source != "body" && f.source != "uri" && f.source != "querystring" {
			return fmt.Errorf("%s.%s: unknown location %q", shapeName, name, m.Location)
		}
		s.fields = append(s.fields, f)
		if err := p.reachType(m.Shape, input); err != nil {
			return fmt.Errorf("%s.%s: %w", shapeName, name, err)
		}
	}
	return nil
}

func (p *pkg) reachType(name string, input bool) error {
	s := p.model.Shapes[name]
	if s == nil {
		return fmt.Errorf("no shape %s", name)
	}
	switch s.Type {
	case "structure":
		return p.reach(name, name, input)
	case "list":
		of := p.model.Shapes[s.Member.Shape]
		if of.Type != "structure" && of.Type != "string" {
			return fmt.Errorf("list %s of %s is not supported", name, of.Type)
		}
		return p.reachType(s.Member.Shape, input)
	case "map":
		if !p.plainText(s.Key.Shape) || !p.plainText(s.Value.Shape) {
			return fmt.Errorf("map %s of other than text is not supported", name)
		}
	case "string":
		if s.Enum != nil {
			p.enums = append(p.enums, name)
		}
	case "integer", "double", "boolean", "timestamp":
	default:
		return fmt.Errorf("type %s of %s is not supported", s.Type, name)
	}
	return nil
}

func (p *pkg) plainText(name string) bool {
	s := p.model.Shapes[name]
	return s.Type == "string" && s.Enum == nil
}

func export(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// camel turns OPT_IN and es-ES into OptIn and EsEs.
func camel(text string) string {
	var b strings.Builder
	start := true
	for _, r := range text {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			start = true
		case start:
			b.WriteRune(unicode.ToUpper(r))
			start = false
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}
