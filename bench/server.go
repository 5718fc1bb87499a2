package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/internal/sigv4"
)

var keys = sigv4.Credentials{AccessKey: "AKIABENCHBENCHBENCH0", Secret: "bench/bench/bench/bench/bench/bench/bench"}

// server is one run of the program on an empty data directory.
type server struct {
	url    string
	region string // that requests are signed for
	cmd    *exec.Cmd
	http   *http.Client
}

// measureServer starts a server, uploads and imports the file, and returns rows/s from
// the call that starts the import to COMPLETED. With more it measures the rest, too.
func measureServer(ctx context.Context, binary, data, file string, rows int, more bool) (float64, error) {
	s, err := startServer(ctx, binary, data)
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(data)
	defer s.stop()
	put, err := s.putFile(ctx, file)
	if err != nil {
		return 0, err
	}
	took, err := s.importFile(ctx, rows)
	if err != nil {
		return 0, err
	}
	rate := float64(rows) / took.Seconds()
	fmt.Printf("sluice    import %8.2f s  %9.0f rows/s  peak memory %d MiB\n", took.Seconds(), rate, s.peakMiB())
	if !more {
		return rate, nil
	}
	get, err := s.getFile(ctx)
	if err != nil {
		return 0, err
	}
	perSecond, err := s.lookups(ctx, rows)
	if err != nil {
		return 0, err
	}
	fmt.Printf("sluice    S3 PUT %.0f MB/s, GET %.0f MB/s, lookups %.0f/s\n", put, get, perSecond)
	return rate, nil
}

func startServer(ctx context.Context, binary, data string, flags ...string) (*server, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	s := &server{
		cmd: exec.CommandContext(ctx, binary, append([]string{
			"serve", "--listen", "127.0.0.1:0", "--data", data, "--log-level", "error",
		}, flags...)...),
		region: "us-east-1",
		http:   &http.Client{Transport: &http.Transport{WriteBufferSize: 256 << 10, ReadBufferSize: 256 << 10, MaxIdleConnsPerHost: 64}},
	}
	s.cmd.Env = append(os.Environ(), "SLUICE_ACCESS_KEY_ID="+keys.AccessKey, "SLUICE_SECRET_ACCESS_KEY="+keys.Secret)
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for range 500 {
		var at struct{ URL string }
		if text, err := os.ReadFile(filepath.Join(data, "endpoint.json")); err == nil && json.Unmarshal(text, &at) == nil {
			s.url = at.URL
			if resp, err := s.http.Get(s.url + "/healthz"); err == nil {
				resp.Body.Close()
				return s, nil
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.stop()
	return nil, fmt.Errorf("the server did not come up")
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(os.Interrupt)
	_ = s.cmd.Wait()
}

// peakMiB returns the largest resident set that the server has had, as Linux counts.
func (s *server) peakMiB() int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return -1
	}
	var kib int
	if m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status); m != nil {
		fmt.Sscan(string(m[1]), &kib)
	}
	return kib >> 10
}

// send signs and sends a request; an answer other than 2xx is an error.
func (s *server) send(ctx context.Context, service, method, path string, body io.Reader, size int64, hash string, header map[string]string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, body)
	if err != nil {
		return nil, err
	}
	r.ContentLength = size
	if service == "ses" && body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	sigv4.Sign(r, keys, s.region, service, hash, time.Now())
	resp, err := s.http.Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	return resp, nil
}

// putFile uploads the file and returns MB/s.
func (s *server) putFile(ctx context.Context, file string) (float64, error) {
	resp, err := s.send(ctx, "s3", http.MethodPut, "/bench", nil, 0, sigv4.EmptyPayload, nil)
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if resp, err = s.send(ctx, "s3", http.MethodPut, "/bench/rows.csv", f, info.Size(), sigv4.UnsignedPayload, nil); err != nil {
		return 0, err
	}
	resp.Body.Close()
	return float64(info.Size()) / 1e6 / time.Since(began).Seconds(), nil
}

func (s *server) getFile(ctx context.Context) (float64, error) {
	began := time.Now()
	resp, err := s.send(ctx, "s3", http.MethodGet, "/bench/rows.csv", nil, 0, sigv4.EmptyPayload, nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	return float64(n) / 1e6 / time.Since(began).Seconds(), err
}

// importFile creates the job and waits for it.
func (s *server) importFile(ctx context.Context, rows int) (time.Duration, error) {
	return s.importInto(ctx, `"SuppressionListDestination":{"SuppressionListImportAction":"PUT"}`, rows)
}

// importInto imports the uploaded file into a destination as SES v2 writes it.
func (s *server) importInto(ctx context.Context, destination string, rows int) (time.Duration, error) {
	in := []byte(`{"ImportDestination":{` + destination + `},` +
		`"ImportDataSource":{"S3Url":"s3://bench/rows.csv","DataFormat":"CSV"}}`)
	began := time.Now()
	var created struct{ JobId string }
	if err := s.json(ctx, http.MethodPost, "/v2/email/import-jobs", in, &created); err != nil {
		return 0, err
	}
	for {
		var job struct {
			JobStatus                                 string
			ProcessedRecordsCount, FailedRecordsCount int
			FailureInfo                               struct{ ErrorMessage string }
		}
		if err := s.json(ctx, http.MethodGet, "/v2/email/import-jobs/"+created.JobId, nil, &job); err != nil {
			return 0, err
		}
		switch {
		case job.JobStatus == "COMPLETED" && job.ProcessedRecordsCount == rows && job.FailedRecordsCount == 0:
			return time.Since(began), nil
		case job.JobStatus != "CREATED" && job.JobStatus != "PROCESSING":
			return 0, fmt.Errorf("the job ended so: %+v", job)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (s *server) json(ctx context.Context, method, path string, in []byte, out any) error {
	var body io.Reader
	if in != nil {
		body = bytes.NewReader(in)
	}
	resp, err := s.send(ctx, "ses", method, path, body, int64(len(in)), sigv4.HashPayload(in), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(out)
}

// lookups asks for members that are there, from all over the list, for some seconds.
func (s *server) lookups(ctx context.Context, rows int) (float64, error) {
	const clients, length = 16, 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, 2*length)
	defer cancel()
	var total atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, clients)
	began := time.Now()
	for c := range clients {
		wg.Go(func() {
			for i := c; time.Since(began) < length; i = (i + 7919*clients) % rows {
				path := "/v2/email/suppression/addresses/" + url.PathEscape(string(address(nil, i, rows)))
				resp, err := s.send(ctx, "ses", http.MethodGet, path, nil, 0, sigv4.EmptyPayload, nil)
				if err != nil {
					errs <- err
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				total.Add(1)
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return 0, err
	default:
		return float64(total.Load()) / time.Since(began).Seconds(), nil
	}
}
