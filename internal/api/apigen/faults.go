package main

import (
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
)

// faultTable writes the names that the API has for the kinds of fault, and its signing name.
func (p *pkg) faultTable() {
	p.f("// SigningName is the service that requests to this API are signed for.\n")
	p.f("const SigningName = %q\n\n", p.model.Metadata.SigningName)
	p.f("// faults has the names of this API's errors for each kind of fault, the best first, see\n")
	p.f("// wire.Faults.\nvar faults = wire.Faults{\n")
	for _, kind := range fault.All() {
		if names := p.faults[kind]; names != nil {
			p.f("fault.%v: {\"%s\"},\n", kind, strings.Join(names, `", "`))
		}
	}
	p.f("}\n")
}
