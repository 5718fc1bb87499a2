package gateway

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/gateway/jobs"
	"github.com/sluicehq/sluice/internal/guard"
)

// log writes the line of the access log. The sentence of a fault is the caller's and
// may hold an address; only its kind is logged. An error of our own is logged whole.
func (g *Gateway) log(r *http.Request, e *exchange) {
	level := levelOf(e)
	if !g.o.Log.Enabled(r.Context(), level) {
		return
	}
	attrs := make([]slog.Attr, 0, 12)
	attrs = append(attrs,
		slog.String("service", e.service),
		slog.String("operation", e.operation),
		slog.Int("status", e.status),
		slog.Int64("in_bytes", e.in),
		slog.Int64("out_bytes", e.out),
		slog.Float64("duration_seconds", time.Since(e.began).Seconds()),
		slog.String("request", e.id),
		slog.String("remote", g.remote(r)),
	)
	if e.account != "" {
		attrs = append(attrs, slog.String("account", e.account), slog.String("key", e.key))
	}
	if e.requested != "" {
		attrs = append(attrs, slog.String("requested", e.requested))
	}
	if e.err != nil {
		attrs = appendError(attrs, e)
	}
	g.o.Log.LogAttrs(r.Context(), level, "request", attrs...)
}

func appendError(attrs []slog.Attr, e *exchange) []slog.Attr {
	switch kind := fault.KindOf(e.err); {
	case kind != fault.Internal:
		return append(attrs, slog.String("fault", kind.String()))
	case e.status < 400 || e.status >= 500: // else S3 has made it the caller's, in words of its own
		return append(attrs, slog.String("error", e.err.Error()))
	}
	return attrs
}

// levelOf returns the level of a request's line. What a caller can bring about by itself,
// and what is not implemented, is no failure of this server.
func levelOf(e *exchange) slog.Level {
	switch {
	case e.service == serviceOwn && slices.Contains(polls, e.operation) && e.status < http.StatusInternalServerError,
		e.service == serviceOwn && e.operation == opReady:
		return slog.LevelDebug // asked again and again, by machines; that it is not ready is logged once
	case fault.Is(e.err, fault.Throttled), fault.Is(e.err, fault.LimitExceeded):
		return slog.LevelInfo // also where S3 has 503 for it
	case fault.Is(e.err, fault.StorageFull), fault.Is(e.err, fault.Overloaded):
		return slog.LevelWarn // what is behind it is logged once, not with each request
	case e.status >= http.StatusInternalServerError && e.status != http.StatusNotImplemented:
		return slog.LevelError
	}
	return slog.LevelInfo
}

// polls are the operations of the own API that are called again and again: by what watches
// the server, and by commands that watch a job.
var polls = []string{opLive, opReady, opMetrics, jobs.GetJob}

// remote returns the address that a request came from: the connection's, or that which the
// proxy before the server says.
func (g *Gateway) remote(r *http.Request) string {
	if g.o.Proxy {
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		if ip, err := netip.ParseAddr(strings.TrimSpace(hops[len(hops)-1])); err == nil { // earlier ones are the caller's words
			return ip.String()
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// rescue turns a panic of a handler into a reply. It returns what has to be thrown
// on, so that net/http closes the connection: the reply had begun, and its receiver
// must not take the part for the whole.
func (g *Gateway) rescue(w *reply, r *http.Request, thrown any) any {
	if thrown == nil {
		return nil
	}
	if err, ok := thrown.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		return thrown
	}
	g.o.Guard.Log(r.Context(), guard.Request, thrown,
		slog.String("operation", w.exchange.operation), slog.String("request", w.exchange.id))
	if w.exchange.status != 0 {
		return http.ErrAbortHandler
	}
	g.broken(w, r)
	return nil
}
