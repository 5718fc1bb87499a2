package s3

import (
	"encoding/xml"
	"errors"
	"net/http"

	"github.com/sluicehq/sluice/internal/sigv4"
)

// byReason are S3's names for what can be wrong with a signature, or with an aws-chunked
// body. Reasons that are missing here have the name of their fault kind.
//
// Source: Amazon S3 API Reference, "Error responses".
var byReason = map[sigv4.Reason]failure{
	sigv4.MalformedHeader:   {"AuthorizationHeaderMalformed", http.StatusBadRequest, ""},
	sigv4.MalformedLink:     {"AuthorizationQueryParametersError", http.StatusBadRequest, ""},
	sigv4.UnsupportedScheme: {"InvalidArgument", http.StatusBadRequest, "Unsupported Authorization Type"},
	sigv4.TwoMechanisms:     {"InvalidArgument", http.StatusBadRequest, ""},
	sigv4.MissingDate:       {"AccessDenied", http.StatusForbidden, "AWS authentication requires a valid Date or x-amz-date header"},
	sigv4.UnsignedHeader:    {"AccessDenied", http.StatusForbidden, ""},
	sigv4.InvalidToken:      {"InvalidToken", http.StatusBadRequest, "The provided token is malformed or otherwise invalid."},
	sigv4.Version2:          {"InvalidRequest", http.StatusBadRequest, ""},
	sigv4.Mismatch:          {"SignatureDoesNotMatch", http.StatusForbidden, ""},
	sigv4.MissingHash:       {"InvalidRequest", http.StatusBadRequest, ""},
	sigv4.MissingLength:     {"MissingContentLength", http.StatusLengthRequired, ""},
	sigv4.IncompleteBody:    {"IncompleteBody", http.StatusBadRequest, ""},
	sigv4.MalformedTrailer:  {"MalformedTrailerError", http.StatusBadRequest, ""},
	sigv4.InvalidQuery:      {"InvalidURI", http.StatusBadRequest, ""},
}

// explained is an error whose document has more elements than a code and a message.
type explained struct {
	error
	details []sigv4.Detail
}

func (e explained) Unwrap() error { return e.error }

// badArgument refuses an argument and shows it.
func badArgument(name, value, message string) error {
	return explained{
		failure{"InvalidArgument", http.StatusBadRequest, message},
		[]sigv4.Detail{{Name: "ArgumentName", Value: name}, {Name: "ArgumentValue", Value: value}},
	}
}

// detailElement is an XML element whose name is known at run time only.
type detailElement struct {
	XMLName xml.Name
	Text    string `xml:",chardata"`
}

// detailsOf returns the elements that the error document of err has beside the usual.
func detailsOf(err error) []detailElement {
	var details []sigv4.Detail
	var refusal *sigv4.Refusal
	var e explained
	switch {
	case errors.As(err, &e):
		details = e.details
	case errors.As(err, &refusal):
		details = refusal.Details
	}
	elements := make([]detailElement, len(details))
	for i, d := range details {
		elements[i] = detailElement{xml.Name{Local: d.Name}, d.Value}
	}
	return elements
}
