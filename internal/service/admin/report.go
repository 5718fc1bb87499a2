package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/report"
	"github.com/sluicehq/sluice/internal/service"
)

// GetReport returns the report of a job, in any state of it: that of a job that is running
// has the records that are rejected and committed so far.
func (s *Service) GetReport(ctx context.Context, in adminapi.GetReportInput) (adminapi.Report, error) {
	j, err := s.store.Job(ctx, service.OwnerOf(ctx), job.ID(in.ID))
	if err != nil {
		return adminapi.Report{}, err
	}
	isCSV := (in.Format == "" || in.Format == "csv") && s.o.Report != nil
	switch {
	case !isCSV && in.Format != "json":
		return adminapi.Report{}, fault.New(fault.Invalid, "format: %q is not one of csv, json", in.Format)
	case in.Safe != "" && (in.Safe != "excel" || !isCSV):
		return adminapi.Report{}, fault.New(fault.Invalid, "safe: %q is not excel, or the format is not csv", in.Safe)
	case isCSV:
		return adminapi.Report{IsCSV: true, FileName: report.FileName(j.ID), Write: func(ctx context.Context, w io.Writer) error {
			return s.o.Report(ctx, w, j, in.Safe != "")
		}}, nil
	}
	return adminapi.Report{Write: func(ctx context.Context, w io.Writer) error { return s.writeLines(ctx, w, j) }}, nil
}

// writeLines writes the rejected records of a job, each as a line of JSON.
func (s *Service) writeLines(ctx context.Context, w io.Writer, j job.Job) error {
	out := bufio.NewWriterSize(w, 32<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for rej, err := range s.store.Rejects(ctx, j.Owner, j.ID) {
		if err != nil {
			return err
		}
		row := adminapi.Reject{
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
