package gateway

import (
	"net/http"

	"github.com/sluicehq/sluice/internal/wire"
)

// s3 passes a request on to S3, which verifies it for itself.
func (g *Gateway) s3(w http.ResponseWriter, r *http.Request, e *exchange) {
	e.service, e.operation = serviceS3, r.Method
	if g.parts.S3 == nil {
		g.lost(w, r, wire.Match{})
		return
	}
	w.Header().Set("X-Amz-Request-Id", e.id)
	g.parts.S3.ServeHTTP(w, r)
}
