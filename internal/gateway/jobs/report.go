package jobs

import (
	"io"
	"net/http"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/object"
)

// report writes a report straight from the store.
func (a *API) report(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	if err := checkQuery(q, []string{"format", "safe"}); err != nil {
		return err
	}
	id := r.PathValue("id")
	report, err := a.service.GetReport(r.Context(), adminapi.GetReportInput{ID: id, Format: q.Get("format"), Safe: q.Get("safe")})
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "application/x-ndjson")
	if report.IsCSV {
		h.Set("Content-Type", "text/csv; charset=utf-8")
		h.Set("Content-Disposition", object.Attachment(report.FileName))
	}
	out := &meter{Writer: w}
	err = report.Write(r.Context(), out)
	if err != nil && out.n == 0 {
		h.Del("Content-Disposition")
	}
	if err != nil && out.n > 0 {
		return cut{err}
	}
	return err
}

// meter counts the bytes of a reply.
type meter struct {
	io.Writer
	n int64
}

func (m *meter) Write(p []byte) (int, error) {
	m.n += int64(len(p))
	return m.Writer.Write(p)
}
