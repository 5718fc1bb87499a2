package jobs

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
)

// report writes the refused records straight from the store, in any state of the
// job: those of a job that is running are the ones committed so far.
func (a *API) report(w http.ResponseWriter, r *http.Request, o job.Owner) error {
	j, err := a.store.Job(r.Context(), o, job.ID(r.PathValue("id")))
	if err != nil {
		return err
	}
	out := &meter{Writer: w}
	w.Header().Set("Cache-Control", "no-store")
	switch f := r.URL.Query().Get("format"); {
	case f == "json":
		w.Header().Set("Content-Type", "application/x-ndjson")
		err = a.lines(out, r, j)
	case (f == "" || f == "csv") && a.o.Report != nil:
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		err = a.o.Report(r.Context(), out, j)
	default:
		return fault.New(fault.Invalid, "format: %q is not one of csv, json", f)
	}
	if err != nil && out.n > 0 {
		return cut{err}
	}
	return err
}

// meter tells whether a reply has begun.
type meter struct {
	io.Writer
	n int64
}

func (m *meter) Write(p []byte) (int, error) {
	m.n += int64(len(p))
	return m.Writer.Write(p)
}

func (a *API) lines(w io.Writer, r *http.Request, j job.Job) error {
	out := bufio.NewWriterSize(w, 32<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for rej, err := range a.store.Rejects(r.Context(), j.Owner, j.ID) {
		if err != nil {
			return err
		}
		err = enc.Encode(Reject{
			Record: rej.Record, Line: rej.Line, Offset: rej.Offset,
			Code: rej.Code, Reason: rej.Reason, Key: string(rej.Key), Raw: string(rej.Raw),
		})
		if err != nil {
			return err
		}
	}
	return out.Flush()
}
