package main

import "slices"

// verbs name the methods of wire.Reader and wire.Writer for a scalar.
var verbs = map[string]string{
	"string": "String", "integer": "Int", "double": "Float", "boolean": "Bool", "timestamp": "Time",
}

var sources = []struct{ name, get string }{
	{"uri", "Labels"}, {"querystring", "Query"}, {"body", "Body"},
}

// codec writes the way from a request to an input and from an output to a reply.
func (p *pkg) codec() {
	for _, s := range p.sorted() {
		if s.isIn {
			p.readInput(s)
		} else if s.in {
			p.f("func (x *%s) read(r *wire.Reader, o wire.Object) {\n", s.name)
			p.reads(s, "body")
			p.f("}\n\n")
		}
		if s.isOut {
			p.f("// Write encodes the output.\nfunc (x *%s) Write(w *wire.Writer) {\n", s.name)
			p.writes(s)
		} else if s.out {
			p.f("func (x *%s) write(w *wire.Writer) {\n", s.name)
			p.writes(s)
		}
	}
}

func (p *pkg) readInput(s *structure) {
	p.f("// Read takes the input from a request.\nfunc (x *%s) Read(r *wire.Reader) {\n", s.name)
	first := true
	for _, src := range sources {
		if !slices.ContainsFunc(s.fields, func(f field) bool { return f.source == src.name }) {
			continue
		}
		if first {
			p.f("o := r.%s()\n", src.get)
		} else {
			p.f("o = r.%s()\n", src.get)
		}
		first = false
		p.reads(s, src.name)
	}
	p.f("}\n\n")
}

func (p *pkg) reads(s *structure, source string) {
	for _, f := range s.fields {
		if f.source != source {
			continue
		}
		p.f("x.%s = ", f.goName)
		opt := "Opt"
		if f.need {
			opt = ""
		}
		switch {
		case f.of.Type == "structure":
			p.f("wire.ReadStruct(r, o, %q, (*%s).read)\n", f.wire, f.shape)
		case f.of.Type == "map":
			p.f("r.Map(o, %q)\n", f.wire)
		case f.of.Type == "list" && p.model.Shapes[f.of.Member.Shape].Type == "structure":
			p.f("wire.ReadList(r, o, %q, (*%s).read)\n", f.wire, f.of.Member.Shape)
		case f.of.Type == "list":
			p.f("wire.ReadTexts[%s](r, o, %q)\n", p.elem(f.of), f.wire)
		case f.of.Enum != nil && f.need:
			p.f("%s(r.String(o, %q))\n", f.shape, f.wire)
		case f.of.Enum != nil:
			p.f("%s(r.OptEnum(o, %q, &text%s))\n", f.shape, f.wire, f.shape)
		default:
			p.f("r.%s%s(o, %q)\n", opt, verbs[f.of.Type], f.wire)
		}
	}
}

func (p *pkg) writes(s *structure) {
	p.f("w.Open()\n")
	for _, f := range s.fields {
		opt := "Opt"
		if f.need {
			opt = ""
		}
		switch {
		case f.of.Type == "structure":
			p.f("wire.WriteStruct(w, %q, x.%s, (*%s).write)\n", f.wire, f.goName, f.shape)
		case f.of.Type == "map":
			p.f("w.Map(%q, x.%s, %t)\n", f.wire, f.goName, f.need)
		case f.of.Type == "list" && p.model.Shapes[f.of.Member.Shape].Type == "structure":
			p.f("wire.WriteList(w, %q, x.%s, %t, (*%s).write)\n", f.wire, f.goName, f.need, f.of.Member.Shape)
		case f.of.Type == "list":
			p.f("wire.WriteTexts(w, %q, x.%s, %t)\n", f.wire, f.goName, f.need)
		case f.of.Enum != nil && f.need:
			p.f("w.String(%q, string(x.%s))\n", f.wire, f.goName)
		case f.of.Enum != nil:
			p.f("w.OptEnum(%q, string(x.%s))\n", f.wire, f.goName)
		default:
			p.f("w.%s%s(%q, x.%s)\n", opt, verbs[f.of.Type], f.wire, f.goName)
		}
	}
	p.f("w.Close()\n}\n\n")
}
