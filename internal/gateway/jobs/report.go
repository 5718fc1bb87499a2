package jobs

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/object"
)

// report writes the rejected records straight from the store, in any state of the
// job: those of a job that is running are the ones committed so far.
func (a *API) report(w http.ResponseWriter, r *http.Request, o job.Owner) error {
	q := r.URL.Query()
	if err := checkQuery(q, []string{"format", "safe"}); err != nil {
		return err
	}
	j, err := a.store.Job(r.Context(), o, job.ID(r.PathValue("id")))
	if err != nil {
		return err
	}
	format, safe := q.Get("format"), q.Get("safe")
	isCSV := (format == "" || format == "csv") && a.o.Report != nil
	switch {
	case !isCSV && format != "json":
		return fault.New(fault.Invalid, "format: %q is not one of csv, json", format)
	case safe != "" && (safe != "excel" || !isCSV):
		return fault.New(fault.Invalid, "safe: %q is not excel, or the format is not csv", safe)
	}
	out := &meter{Writer: w}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if isCSV {
		h.Set("Content-Type", "text/csv; charset=utf-8")
		h.Set("Content-Disposition", object.Attachment(object.ReportFile(string(j.ID))))
		err = a.o.Report(r.Context(), out, j, safe != "")
	} else {
		h.Set("Content-Type", "application/x-ndjson")
		err = a.lines(out, r, j)
	}
	if err != nil && out.n == 0 {
		h.Del("Content-Disposition")
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
		row := Reject{
			Record: rej.Record, Line: rej.Line, Offset: rej.Offset,
			Code: rej.Code, Reason: rej.Reason, Key: string(rej.Key), Raw: string(rej.Raw),
		}
		if !utf8.Valid(rej.Raw) {
			row.RawBytes = rej.Raw
		}
		if err := enc.Encode(row); err != nil {
			return err
		}
	}
	return out.Flush()
}
