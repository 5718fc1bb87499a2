package conformance

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// TestDamagedUploads changes one byte in each upload of a stopped server, in its second
// MiB: after the start no reader takes the object for whole, and every API says what is
// wrong with it.
func TestDamagedUploads(t *testing.T) {
	t.Parallel()
	const damaged = 1 << 20
	sentence := fmt.Sprintf("stored object is damaged at byte %d", damaged)
	var b strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&b, "person%06d@example.com,BOUNCE\n", i)
	}
	text := b.String()
	if len(text) <= damaged {
		t.Fatalf("the rows are %d bytes, want more than %d", len(text), damaged)
	}
	good := strings.Count(text[:damaged], "\n")

	data := t.TempDir()
	s := startOn(t, data)
	_, files := s.clients()
	makeBucket(t, files)
	put := func(key string) {
		t.Helper()
		if _, err := files.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: &key, Body: strings.NewReader(text)}); err != nil {
			t.Fatal(err)
		}
	}
	put("suppression.csv")
	var list struct {
		AddressListID string `json:"AddressListId"`
	}
	s.mailManager(t, "CreateAddressList", map[string]any{"AddressListName": "damaged"}, &list)
	var created struct {
		JobID string `json:"JobId"`
		URL   string `json:"PreSignedUrl"`
	}
	s.mailManager(t, "CreateAddressListImportJob", map[string]any{
		"AddressListId": list.AddressListID, "Name": "damaged",
		"ImportDataFormat": map[string]any{"ImportDataType": "CSV"},
	}, &created)
	s.upload(t, created.URL, text)
	if err := s.kill(syscall.SIGTERM); err != nil {
		t.Fatalf("the server ended: %v", err)
	}
	flipBlobs(t, data, 2, damaged+7)

	s = startOn(t, data)
	mail, files := s.clients()
	out, err := files.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("suppression.csv")})
	if err != nil {
		t.Fatalf("GetObject: %v", err)
	}
	got, err := io.ReadAll(out.Body)
	_ = out.Body.Close()
	if err == nil || string(got) != text[:damaged] {
		t.Errorf("GetObject gives %d bytes, %v; want an error after the first %d", len(got), err, damaged)
	}
	_, err = files.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("suppression.csv"), Range: aws.String("bytes=1048590-1048600")})
	if err == nil || !strings.Contains(err.Error(), "StatusCode: 500") || !strings.Contains(err.Error(), sentence) {
		t.Errorf("GetObject of a damaged range: %v, want a 500 with %q", err, sentence)
	}

	id := s.startImport(t, mail, "s3://objects/suppression.csv", types.SuppressionListImportActionPut)
	job := s.job(t, id, final)
	if job.JobStatus != types.JobStatusFailed || job.FailureInfo == nil || aws.ToString(job.FailureInfo.ErrorMessage) != sentence {
		t.Errorf("GetImportJob: %s, %+v; want FAILED, %q", job.JobStatus, job.FailureInfo, sentence)
	}
	if processed, failed := counts(job); int(processed) != good || failed != 0 {
		t.Errorf("GetImportJob: %d processed, %d failed; want the %d records before the damage", processed, failed, good)
	}

	s.mailManager(t, "StartAddressListImportJob", map[string]any{"JobId": created.JobID}, nil)
	var state struct{ Status, Error string }
	within(t, time.Minute, "the import into the address list has ended", func() bool {
		s.mailManager(t, "GetAddressListImportJob", map[string]any{"JobId": created.JobID}, &state)
		return state.Status == "COMPLETED" || state.Status == "FAILED"
	})
	if state.Status != "FAILED" || state.Error != sentence {
		t.Errorf("GetAddressListImportJob: %+v, want FAILED, %q", state, sentence)
	}
	for _, job := range []string{id, created.JobID} {
		if out := s.client(t, "", binary, "job", job, "--json"); !strings.Contains(out, `"state":"failed"`) || !strings.Contains(out, sentence) {
			t.Errorf("sluice job %s: %s, want failed, %q", job, out, sentence)
		}
		if out := s.client(t, "", binary, "job", job); !strings.Contains(out, sentence) {
			t.Errorf("sluice job %s: %s, want %q", job, out, sentence)
		}
	}
	s.wantDamageReported(t, 4)
}

// flipBlobs changes the byte at offset in every blob of a stopped server.
func flipBlobs(t *testing.T, data string, want int, offset int) {
	t.Helper()
	blobs, err := filepath.Glob(filepath.Join(data, "objects", "blobs", "*"))
	if err != nil || len(blobs) != want {
		t.Fatalf("blobs are %v, %v; want %d", blobs, err, want)
	}
	for _, path := range blobs {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text[offset] ^= 1
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// wantDamageReported compares the lines of the log and the metric with how many reads
// have met a damaged block.
func (s *server) wantDamageReported(t *testing.T, want int) {
	t.Helper()
	if metric := fmt.Sprintf("\nsluice_damaged_blocks_total %d\n", want); !strings.Contains(fetch(t, s.URL+"/metrics"), metric) {
		t.Errorf("/metrics lacks %q", metric)
	}
	lines := 0
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, "stored object is damaged") && strings.Contains(line, "blob") && strings.Contains(line, "checksum mismatch") {
			lines++
		}
	}
	if lines != want {
		t.Errorf("the log has %d lines about damaged blobs, want %d", lines, want)
	}
}

// upload puts text to a pre-signed link.
func (s *server) upload(t *testing.T, link, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, link, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("PUT to the pre-signed link: %s", resp.Status)
	}
}

// mailManager calls an operation of SES Mail Manager; the reply is decoded into out.
func (s *server) mailManager(t *testing.T, operation string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", "MailManagerSvc."+operation)
	sum := sha256.Sum256(body)
	keys := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}
	if err := v4.NewSigner().SignHTTP(t.Context(), keys, req, hex.EncodeToString(sum[:]), "ses", region, time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(resp.Body)
	if err == nil && out != nil {
		err = json.Unmarshal(reply, out)
	}
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s, %v", operation, resp.Status, reply, err)
	}
}
