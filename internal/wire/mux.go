package wire

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Mux knows which operation of which API a request means.
type Mux struct {
	opts    Options
	targets map[string]*API // by the part of X-Amz-Target before the dot
	root    node
}

// Match is what a request means. API is set when at least that is known, Operation
// when all is.
type Match struct {
	API       *API
	Operation *Operation

	labels Object
	moved  []string
}

// node is a place in the tree of paths: one segment below its parent.
type node struct {
	literals map[string]*node
	label    *node
	routes   map[string]*route // by method
	api      *API              // an API that has a path through here
}

type route struct {
	match Match
	names []string // of the labels, in the order of the path
}

// NewMux returns a Mux for some APIs. It panics when two of them claim the same
// route: that is a bug in a table.
func NewMux(opts Options, apis ...*API) *Mux {
	m := &Mux{opts: opts, targets: map[string]*API{}}
	for _, api := range apis {
		if api.Protocol == AwsJSON {
			m.targets[api.Target] = api
			continue
		}
		for i := range api.Operations {
			op := &api.Operations[i]
			m.add(op.Method, op.Path, Match{API: api, Operation: op})
		}
		for _, a := range api.Aliases {
			m.add(a.Method, a.Path, Match{API: api, Operation: api.operation(a.Operation), moved: a.Query})
		}
	}
	return m
}

func (a *API) operation(name string) *Operation {
	for i := range a.Operations {
		if a.Operations[i].Name == name {
			return &a.Operations[i]
		}
	}
	return nil
}

func (m *Mux) add(method, path string, match Match) {
	n, rt := &m.root, &route{match: match}
	for _, seg := range strings.Split(path, "/")[1:] {
		if label, ok := strings.CutPrefix(seg, "{"); ok {
			rt.names = append(rt.names, strings.TrimSuffix(label, "}"))
			if n.label == nil {
				n.label = &node{}
			}
			n = n.label
		} else {
			if n.literals == nil {
				n.literals = map[string]*node{}
			}
			if n.literals[seg] == nil {
				n.literals[seg] = &node{}
			}
			n = n.literals[seg]
		}
		n.api = match.API
	}
	if n.routes == nil {
		n.routes = map[string]*route{}
	}
	if match.Operation == nil || n.routes[method] != nil {
		panic(fmt.Sprintf("route %s %s: taken, or an alias of nothing", method, path))
	}
	n.routes[method] = rt
}

// Match finds the operation that r means: by X-Amz-Target when that is there, by
// method and raw path otherwise. When the answer is false, the Match still names the
// API if the target or the beginning of the path does; give it to WriteFault with
// fault.UnknownOperation.
func (m *Mux) Match(r *http.Request) (Match, bool) {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		prefix, name, _ := strings.Cut(target, ".")
		api := m.targets[prefix]
		if api == nil || r.Method != http.MethodPost {
			return Match{API: api}, false
		}
		op := api.operation(name)
		return Match{API: api, Operation: op}, op != nil
	}
	segments, ok := split(r.URL.EscapedPath())
	if !ok {
		return Match{}, false
	}
	w := walk{method: r.Method, values: make([]string, 0, 2)}
	rt := w.find(&m.root, segments)
	if rt == nil {
		return Match{API: w.api}, false
	}
	match := rt.match
	match.labels = make(Object, len(rt.names))
	for i, name := range rt.names {
		match.labels[name] = params{w.values[i]}
	}
	return match, true
}

// split cuts a raw path at its slashes and decodes each segment by itself: an
// encoded slash stays within its segment, and a plus is a plus.
func split(raw string) ([]string, bool) {
	rest, ok := strings.CutPrefix(raw, "/")
	if !ok {
		return nil, false
	}
	segments := strings.Split(rest, "/")
	for i, seg := range segments {
		s, err := url.PathUnescape(seg)
		if err != nil {
			return nil, false
		}
		segments[i] = s
	}
	return segments, true
}

// walk is one search of the tree.
type walk struct {
	method string
	values []string // of the labels on the way
	api    *API     // the last API met
}

// find looks below n. A literal wins over a label, but does not hide it: the path of
// one route may have a label where that of another has a word.
func (w *walk) find(n *node, segments []string) *route {
	if n.api != nil {
		w.api = n.api
	}
	if len(segments) == 0 {
		return n.routes[w.method]
	}
	seg := segments[0]
	if next := n.literals[seg]; next != nil {
		if rt := w.find(next, segments[1:]); rt != nil {
			return rt
		}
	}
	if n.label == nil || seg == "" {
		return nil
	}
	w.values = append(w.values, seg)
	if rt := w.find(n.label, segments[1:]); rt != nil {
		return rt
	}
	w.values = w.values[:len(w.values)-1]
	return nil
}
