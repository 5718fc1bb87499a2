package gateway

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/wire"
)

// probeWithin is how long /readyz waits for the parts of the server. Probes give up
// after a second or more, and then say less than a 503 does.
const probeWithin = 2 * time.Second

// live answers "ok": the process answers. It is what an orchestrator that restarts
// processes should ask; a database that is away is no reason to restart one.
func (g *Gateway) live(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprintln(w, "ok")
}

// ready answers "ok" when everything works, and with what does not otherwise, a line
// for each part. It is what a load balancer should ask; with ?role=api a server that
// serves no API is not ready.
func (g *Gateway) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), probeWithin)
	defer cancel()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	test := g.parts.Ready
	if r.URL.Query().Get("role") == "api" && g.parts.Refuse != nil {
		test = func(context.Context) error { return g.parts.Refuse }
	}
	if test != nil {
		if err := test(ctx); err != nil {
			Observe(ctx, wire.Done{API: "sluice", Operation: opReady, Err: err})
			reason := "not ready" // the text of an error of ours is for the log
			if fault.KindOf(err) != fault.Internal {
				reason = fault.Message(err)
			}
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, reason)
			return
		}
	}
	fmt.Fprintln(w, "ok")
}

// broken answers a request whose handler panicked.
func (g *Gateway) broken(w *reply, r *http.Request) {
	wire.WriteFault(w, r, wire.Match{}, fmt.Errorf("handler panicked"))
}
