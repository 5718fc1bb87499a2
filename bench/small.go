package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/sigv4"
)

const smallRows = 1000

// measureSmall imports 1,000 addresses into an address list, again and again, and tells
// how long each took from StartAddressListImportJob to COMPLETED.
func measureSmall(ctx context.Context, binary, dir string, times int) error {
	data := filepath.Join(dir, "small")
	s, err := startServer(ctx, binary, data)
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	defer s.stop()
	var list struct{ AddressListId string }
	if err := s.mailManager(ctx, "CreateAddressList", map[string]any{"AddressListName": "small"}, &list); err != nil {
		return err
	}
	var all []float64
	for i := range times {
		took, err := s.importSmall(ctx, list.AddressListId, i)
		if err != nil {
			return err
		}
		all = append(all, float64(took)/float64(time.Millisecond))
	}
	fmt.Printf("small     1,000 rows from start to COMPLETED: median %.1f ms, slowest of %d %.1f ms\n", median(all), times, slices.Max(all))
	return nil
}

func (s *server) importSmall(ctx context.Context, list string, round int) (time.Duration, error) {
	var job struct{ JobId, PreSignedUrl string }
	in := map[string]any{"AddressListId": list, "Name": "small", "ImportDataFormat": map[string]string{"ImportDataType": "CSV"}}
	if err := s.mailManager(ctx, "CreateAddressListImportJob", in, &job); err != nil {
		return 0, err
	}
	var text strings.Builder
	text.WriteString("address\n")
	for i := range smallRows {
		fmt.Fprintf(&text, "%s\n", address(nil, round*smallRows+i, 1<<30))
	}
	if err := s.upload(ctx, job.PreSignedUrl, text.String()); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := s.mailManager(ctx, "StartAddressListImportJob", map[string]any{"JobId": job.JobId}, new(struct{})); err != nil {
		return 0, err
	}
	for {
		var now struct {
			Status             string
			ImportedItemsCount int
			Error              string
		}
		if err := s.mailManager(ctx, "GetAddressListImportJob", map[string]any{"JobId": job.JobId}, &now); err != nil {
			return 0, err
		}
		switch {
		case now.Status == "COMPLETED" && now.ImportedItemsCount == smallRows:
			return time.Since(began), nil
		case now.Status != "PROCESSING":
			return 0, fmt.Errorf("the job ended so: %+v", now)
		}
		time.Sleep(time.Millisecond)
	}
}

func (s *server) upload(ctx context.Context, url, text string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, url, strings.NewReader(text))
	if err != nil {
		return err
	}
	resp, err := s.http.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("upload: %s", resp.Status)
	}
	return nil
}

func (s *server) mailManager(ctx context.Context, operation string, in, out any) error {
	text, err := json.Marshal(in)
	if err != nil {
		return err
	}
	header := map[string]string{"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "MailManagerSvc." + operation}
	resp, err := s.send(ctx, "ses", http.MethodPost, "/", bytes.NewReader(text), int64(len(text)), sigv4.HashPayload(text), header)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil && err != io.EOF { // Decode returns it as it is
		return err
	}
	return nil
}
