package sigv4

import "strings"

// authorization are the parameters of an Authorization header.
type authorization struct {
	credential, signedHeaders, signature authParameter
	wellFormed                           bool // every parameter is name=value, and no name is there twice
}

type authParameter struct {
	value string
	given bool
}

// parseAuthorization reads what follows the algorithm in the header: name=value, separated
// by commas. Of a name that is there twice the last value counts.
func parseAuthorization(parameters string) authorization {
	a := authorization{wellFormed: true}
	var unknown map[string]bool // nil without any, which is usual
	for part := range strings.SplitSeq(parameters, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		twice := unknown[name]
		if p := a.parameter(name); p != nil {
			twice = p.given
			*p = authParameter{value, true}
		} else {
			if unknown == nil {
				unknown = map[string]bool{}
			}
			unknown[name] = true
		}
		a.wellFormed = a.wellFormed && ok && !twice
	}
	return a
}

// parameter returns the parameter of that name, nil if there is no such name.
func (a *authorization) parameter(name string) *authParameter {
	switch name {
	case "Credential":
		return &a.credential
	case "SignedHeaders":
		return &a.signedHeaders
	case "Signature":
		return &a.signature
	}
	return nil
}

// missing returns the name of a parameter that is required and empty; "" if there is none.
func (a *authorization) missing() string {
	switch {
	case a.credential.value == "":
		return "Credential"
	case a.signedHeaders.value == "":
		return "SignedHeaders"
	case a.signature.value == "":
		return "Signature"
	}
	return ""
}
