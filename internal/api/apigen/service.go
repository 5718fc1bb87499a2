package main

import (
	"cmp"
	"maps"
	"slices"
)

// contract writes the interface, the operation table and the stubs.
func (p *pkg) contract() {
	ops := p.operations()
	p.f("// Service is what a server of this API does. Its errors carry a fault.Kind; wire\n")
	p.f("// turns that into an error that the operation declares.\ntype Service interface {\n")
	for _, name := range ops {
		p.f("// %s is documented at\n// %s\n", name, p.page(name))
		p.f("%s(ctx context.Context, in *%sInput) (*%sOutput, error)\n", name, name, name)
	}
	p.f("}\n\n")
	p.table(ops)
	p.f("// Unimplemented answers every operation with fault.UnknownOperation. A service that\n")
	p.f("// embeds it is not finished, and the compiler no longer tells what is missing.\ntype Unimplemented struct{}\n\n")
	for _, name := range ops {
		p.f("// %s is not served.\nfunc (Unimplemented) %s(context.Context, *%sInput) (*%sOutput, error) {\n", name, name, name, name)
		p.f("return nil, wire.NotImplemented(%q)\n}\n\n", name)
	}
}

func (p *pkg) table(ops []string) {
	meta := p.model.Metadata
	p.f("// New returns the API whose operations s does.\nfunc New(s Service) *wire.API {\nreturn &wire.API{\n")
	p.f("Name: %q,\nSigningName: SigningName,\n", p.pkg)
	if meta.Protocol == "json" {
		p.f("Protocol: wire.AwsJSON,\nTarget: %q,\nNamespace: %q,\n", meta.TargetPrefix, "com.amazonaws."+p.pkg)
	} else {
		p.f("Protocol: wire.RestJSON,\n")
	}
	p.f("Faults: faults,\nStatuses: map[string]int{\n")
	for _, name := range slices.Sorted(maps.Keys(p.model.Shapes)) {
		if s := p.model.Shapes[name]; s.Exception {
			// A table without statuses is one of awsJson1_0, where all are 400.
			p.f("%q: %d,\n", name, cmp.Or(s.HTTPStatus, 400))
		}
	}
	p.f("},\n")
	if p.aliases {
		p.f("Aliases: aliases,\n")
	}
	p.f("Operations: []wire.Operation{\n")
	for _, name := range ops {
		op := p.model.Operations[name]
		p.f("{\nName: %q, Method: %q, Path: %q, Status: %d,\n", name, op.Method, op.URI, op.Status)
		p.f("Errors: []string{")
		for _, e := range slices.Sorted(slices.Values(slices.Concat(op.Errors, p.also[name]))) {
			p.f("%q, ", e)
		}
		p.f("},\nInvoke: wire.Call(s.%s),\n},\n", name)
	}
	p.f("},\n}\n}\n\n")
}
