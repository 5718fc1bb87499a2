package gateway

import (
	"net/http"

	"github.com/sluicehq/sluice/internal/wire"
)

// s3 passes a request on to S3, which verifies it for itself.
func (g *Gateway) s3(w http.ResponseWriter, r *http.Request, e *exchange) {
	e.service, e.operation = serviceS3, verb(r.Method)
	if g.parts.S3 == nil {
		g.lost(w, r, e, wire.Match{})
		return
	}
	w.Header().Set("X-Amz-Request-Id", e.id)
	g.parts.S3(w, r, e.signature)
}

// verb returns a method that S3 knows, or one word for all others: a caller can make
// up as many as it likes, and each would be a new row in the metrics.
func verb(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete:
		return method
	}
	return "OTHER"
}
