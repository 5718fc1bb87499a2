// Package snapshots serves the part of Sluice's own API that lets a program on the same
// machine read a running server's data directory:
//
//	POST /sluice/v1/snapshot           take a snapshot and keep it while connected
//
// The request is signed with AWS Signature Version 4 for the service "sluice" and has no
// body. The reply is a stream of lines, one JSON object each. The first is the Snapshot;
// the directory that it names holds
//
//	store/    a copy of DATA/store, as it was at one moment
//	index/    a copy of DATA/objects/index, of the same moment; absent if the
//	          server keeps its files in another S3
//
// and every blob that index/ knows stays in DATA/objects/blobs. An Event follows every
// Options.Heartbeat. The snapshot exists until the caller closes the connection or the
// server stops; then the directory is removed. The server writes nothing on the caller's
// behalf: the caller copies what it wants, and nobody has to clean up after a caller
// that crashed.
//
// There is one snapshot at a time. A refusal has the form of all refusals of the own
// API, see package jobs:
//
//	409 Conflict      there is a snapshot already
//	400 Invalid       this server has nothing to take a snapshot of
//	503 Unavailable   the server is stopping, or its disk does not keep up
package snapshots

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/gateway/jobs"
	"github.com/sluicehq/sluice/internal/wire"
)

// Path is where the handler is served.
const Path = adminapi.Prefix + "snapshot"

// Operation is its name, in log and metrics.
const Operation = "TakeSnapshot"

// Heartbeat is how often a server shows that a snapshot exists.
const Heartbeat = 10 * time.Second

// Snapshot is the first line of a reply.
type Snapshot struct {
	Path    string    `json:"path"`             // of the directory, absolute
	Data    string    `json:"data"`             // the data directory, absolute
	Store   string    `json:"store"`            // names the store, the same for as long as it exists
	Taken   time.Time `json:"taken"`            // the moment that the snapshot shows
	Blobs   bool      `json:"blobs"`            // there is an index/, and blobs
	Version string    `json:"version"`          // of the server
	Bucket  string    `json:"bucket,omitempty"` // without blobs: in which the server keeps its files
}

// Event is a further line. Without an error it only shows that the snapshot exists.
type Event struct {
	Error string `json:"error,omitempty"` // why the snapshot ends here
}

// Options of a Handler.
type Options struct {
	// Take takes a snapshot, which exists until release is called. It refuses a second
	// one with fault.Conflict.
	Take func(context.Context) (s Snapshot, release func(), err error)
	// Stopping is closed when the server stops; nil never is.
	Stopping  <-chan struct{}
	Heartbeat time.Duration                    // 0 is the usual Heartbeat
	Observe   func(context.Context, wire.Done) // called after every reply; may be nil
}

// Handler answers requests whose caller has been verified.
type Handler struct{ o Options }

// New returns a Handler.
func New(o Options) *Handler {
	if o.Heartbeat == 0 {
		o.Heartbeat = Heartbeat
	}
	return &Handler{o}
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, err := http.StatusOK, h.serve(w, r)
	if err != nil {
		status = jobs.WriteFault(w, err)
	}
	if h.o.Observe != nil {
		h.o.Observe(r.Context(), wire.Done{API: "sluice", Operation: Operation, Status: status, Err: err})
	}
}

// serve returns an error only as long as nothing has been written.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return fault.New(fault.UnknownOperation, "no such operation; a snapshot is taken by POST")
	}
	ctx := r.Context()
	s, release, err := h.o.Take(ctx)
	if err != nil {
		return err
	}
	defer release()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	out := lines{json.NewEncoder(w), http.NewResponseController(w)}
	if out.send(s) != nil {
		return nil // the caller is gone
	}
	tick := time.NewTicker(h.o.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.o.Stopping:
			_ = out.send(Event{Error: "the server is stopping"})
			return nil
		case <-tick.C:
			if out.send(Event{}) != nil {
				return nil
			}
		}
	}
}

// lines sends JSON objects one by one.
type lines struct {
	*json.Encoder
	conn *http.ResponseController
}

func (l lines) send(v any) error {
	if err := l.Encode(v); err != nil {
		return err
	}
	return l.conn.Flush()
}
