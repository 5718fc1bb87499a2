package wire

import (
	"context"

	"github.com/sluicehq/sluice/internal/fault"
)

// Protocol is the way in which an API puts its values into HTTP.
type Protocol uint8

// The protocols.
const (
	RestJSON Protocol = iota // restJson1: method and path name the operation
	AwsJSON                  // awsJson1_0: POST / with X-Amz-Target
)

// API is one service as its callers see it. Generated code fills it; it does not
// change afterwards.
type API struct {
	Name        string // the name of AWS's model, such as "sesv2"
	Protocol    Protocol
	SigningName string // the service in the signature's scope
	Target      string // before the dot of X-Amz-Target, awsJson1_0 only
	Namespace   string // before the # of an error's __type, awsJson1_0 only
	Faults      Faults
	Statuses    map[string]int // of every error that the model has
	Operations  []Operation
	Aliases     []Alias // older routes to the same operations
}

// Operation is one row of an API's table.
type Operation struct {
	Name   string
	Method string
	Path   string // "/a/{Label}", each label one segment
	Status int    // of a good reply; 204 has no body
	Errors []string
	Invoke Invoke
}

// Alias is an older route to an operation: one that AWS has moved, and that clients
// generated before still use. The values of Query, which the operation has in its
// body today, come from the query string.
type Alias struct {
	Method, Path string
	Operation    string
	Query        []string
}

// Input is what a generated input type can do.
type Input interface {
	Read(*Reader)
	Check(*Checker)
}

// Output is what a generated output type can do.
type Output interface {
	Write(*Writer)
}

// Invoke reads an operation's input, checks it and calls the service.
type Invoke func(ctx context.Context, r *Reader) (Output, error)

// Call makes an Invoke of a service's method. A method that returns neither output
// nor error has an empty output.
func Call[I, O any, In interface {
	*I
	Input
}, Out interface {
	*O
	Output
}](handle func(context.Context, In) (Out, error)) Invoke {
	return func(ctx context.Context, r *Reader) (Output, error) {
		in := In(new(I))
		in.Read(r)
		if r.malformed != nil {
			return nil, r.malformed
		}
		in.Check(&r.Checker)
		if err := r.Err(); err != nil {
			return nil, err
		}
		out, err := handle(ctx, in)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = new(O)
		}
		return out, nil
	}
}

// NotImplemented is what an operation answers that Sluice does not serve.
func NotImplemented(operation string) error {
	return fault.New(fault.UnknownOperation, "%s is not served here", operation)
}
