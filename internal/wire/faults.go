package wire

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/sluicehq/sluice/internal/fault"
)

// RequestIDHeader carries the request id in every reply.
const RequestIDHeader = "X-Amzn-Requestid"

// Faults maps a kind to the names that an API has for it, the best first. The first that
// the operation declares is used, or else the name of fault.Invalid: a refusal that the
// operation declares no error for is a validation error. The table of each API is in its
// generated package.
type Faults map[fault.Kind][]string

// named is an error as it goes out.
type named struct {
	name   string
	status int
}

// internal is what our own errors look like from outside.
var internal = named{"InternalFailure", http.StatusInternalServerError}

// common holds what every API may answer, see
// https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html. A
// signature whose time is over, or not yet come, is an InvalidSignatureException in
// AWS's practice, its text beginning "Signature expired": the SDKs correct their
// clock on that name. A kind that only the engine knows, LeaseLost, is ours.
var common = map[fault.Kind]named{
	fault.Internal:         internal,
	fault.LeaseLost:        internal,
	fault.Damaged:          internal,
	fault.Denied:           {"AccessDeniedException", http.StatusForbidden},
	fault.Throttled:        {"ThrottlingException", http.StatusTooManyRequests},
	fault.Malformed:        {"SerializationException", http.StatusBadRequest},
	fault.UnknownOperation: {"UnknownOperationException", http.StatusNotFound},
	fault.TooLarge:         {"RequestEntityTooLargeException", http.StatusRequestEntityTooLarge},
	fault.Unauthenticated:  {"MissingAuthenticationTokenException", http.StatusForbidden},
	fault.UnknownKey:       {"UnrecognizedClientException", http.StatusForbidden},
	fault.BadSignature:     {"InvalidSignatureException", http.StatusForbidden},
	fault.Expired:          {"InvalidSignatureException", http.StatusForbidden},
	fault.Skewed:           {"InvalidSignatureException", http.StatusForbidden},
	fault.BodyMismatch:     {"InvalidSignatureException", http.StatusForbidden},
	fault.Unavailable:      {"ServiceUnavailable", http.StatusServiceUnavailable},
	fault.StorageFull:      {"ServiceUnavailable", http.StatusServiceUnavailable},
	fault.Canceled:         {"RequestCanceled", fault.StatusCanceled},
	fault.DeadlineExceeded: {"RequestTimeoutException", http.StatusGatewayTimeout}, // SDKs repeat such a call
	fault.Overloaded:       {"ServiceUnavailable", http.StatusServiceUnavailable},
	fault.RequestTimeout:   {"RequestTimeout", http.StatusRequestTimeout}, // SDKs repeat such a call
}

// name chooses how op of api tells of an error of kind k; both may be nil.
func name(api *API, op *Operation, k fault.Kind) named {
	if api != nil && op != nil {
		for _, n := range api.Faults[k] {
			if slices.Contains(op.Errors, n) {
				return named{n, api.Statuses[n]}
			}
		}
	}
	if n, ok := common[k]; ok {
		// A model may declare a common error with a status of its own.
		if api != nil && api.Statuses[n.name] != 0 {
			n.status = api.Statuses[n.name]
		}
		if k == fault.UnknownOperation && api != nil && api.Protocol == AwsJSON {
			n.status = http.StatusBadRequest
		}
		return n
	}
	if api != nil && api.Faults != nil {
		n := api.Faults[fault.Invalid][0]
		return named{n, cmp.Or(api.Statuses[n], http.StatusBadRequest)}
	}
	return named{"ValidationException", http.StatusBadRequest}
}

// WriteFault answers r with err, as the operation of m would: with the zero Match
// too, before it is known what was asked. The text of an error that is ours is not
// shown. It returns the status.
func WriteFault(w http.ResponseWriter, r *http.Request, m Match, err error) int {
	kind := fault.KindOf(err)
	if m.API == nil && r.Header.Get("X-Amz-Target") != "" {
		m.API = &API{Protocol: AwsJSON}
	}
	n := name(m.API, m.Operation, kind)
	text := "An internal error occurred. The server's log has the rest under this request id."
	if n != internal {
		text = fault.Message(err)
	}
	h := w.Header()
	h.Set("X-Amzn-Errortype", n.name)
	if n.status == http.StatusServiceUnavailable && h.Get("Retry-After") == "" {
		h.Set("Retry-After", "1")
	}
	var body Writer
	body.Open()
	if m.API != nil && m.API.Protocol == AwsJSON {
		body.String("__type", m.API.typeOf(n.name))
		body.String("Message", text)
	} else {
		body.String("__type", n.name)
		body.String("message", text)
	}
	body.Close()
	reply(w, r, m.API, n.status, body.buf)
	return n.status
}

// typeOf gives an error's name its namespace: the model's own, or that of AWS's
// framework for the common ones.
func (a *API) typeOf(name string) string {
	if _, ok := a.Statuses[name]; ok {
		return a.Namespace + "#" + name
	}
	return "com.amazon.coral.service#" + name
}
