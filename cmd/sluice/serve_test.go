package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/sigv4"
)

// running is a server in this process, and a client of it.
type running struct {
	clientConfig
	http *http.Client
	stop func() error
}

// launch runs a server on data and waits until it says where it is.
func launch(t *testing.T, data string, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	said, say := io.Pipe()
	var errs strings.Builder
	go func() {
		args := append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--log-level", "error"}, args...)
		ended <- execute(ctx, args, say, &errs)
		say.Close()
	}()
	line := make([]byte, 4096)
	if _, err := said.Read(line); err != nil { // it speaks once it listens
		t.Fatalf("the server did not start: exit code %d: %s", <-ended, &errs)
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()
	to, err := findClientConfig(data, "", os.Getenv)
	if err != nil {
		t.Fatalf("find the server: %v", err)
	}
	s := &running{clientConfig: to, http: &http.Client{Transport: &http.Transport{}}}
	stopped := false
	s.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		stop()
		s.http.CloseIdleConnections()
		if code := <-ended; code != 0 {
			return fmt.Errorf("exit code %d: %s", code, &errs)
		}
		return nil
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("stop the server: %v", err)
		}
	})
	return s
}

// call sends a signed request, with headers in pairs, and reads the reply's JSON
// into out unless that is nil.
func (s *running) call(t *testing.T, method, path, service, body string, out any, headers ...string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	c := sigv4.Credentials{AccessKey: s.key.id, Secret: s.key.secret}
	sigv4.Sign(r, c, s.region, service, sigv4.HashPayload([]byte(body)), time.Now())
	return s.send(t, r, out)
}

func (s *running) send(t *testing.T, r *http.Request, out any) int {
	t.Helper()
	res, err := s.http.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	switch v := out.(type) {
	case nil:
	case *string:
		*v = string(text)
	default:
		if err := json.Unmarshal(text, v); err != nil {
			t.Fatalf("%s %s: %d %q: %v", r.Method, r.URL.Path, res.StatusCode, text, err)
		}
	}
	return res.StatusCode
}

// mailManager calls an operation of Mail Manager, which has to go well.
func (s *running) mailManager(t *testing.T, operation, body string, out any) {
	t.Helper()
	var text string
	status := s.call(t, "POST", "/", "ses", body, &text,
		"X-Amz-Target", "MailManagerSvc."+operation, "Content-Type", "application/x-amz-json-1.0")
	if status != 200 {
		t.Fatalf("%s: %d %s", operation, status, text)
	}
	if err := json.Unmarshal([]byte(text), out); err != nil {
		t.Fatalf("%s: %q: %v", operation, text, err)
	}
}

// upload makes a list and a job for it, and puts a file at the job's link.
func (s *running) upload(t *testing.T, file string) (list, id string) {
	t.Helper()
	var made struct{ AddressListId, JobId, PreSignedUrl string }
	s.mailManager(t, "CreateAddressList", `{"AddressListName":"partners"}`, &made)
	s.mailManager(t, "CreateAddressListImportJob", fmt.Sprintf(
		`{"AddressListId":%q,"Name":"spring","ImportDataFormat":{"ImportDataType":"CSV"}}`, made.AddressListId), &made)
	put, err := http.NewRequestWithContext(t.Context(), "PUT", made.PreSignedUrl, strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var text string
	if status := s.send(t, put, &text); status != 200 {
		t.Fatalf("PUT to the job's link: %d %s", status, text)
	}
	return made.AddressListId, made.JobId
}

// await asks for a job until it has ended.
func (s *running) await(t *testing.T, id string) adminapi.Job {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(2 * time.Minute); ; {
		var j adminapi.Job
		if status := s.call(t, "GET", "/sluice/v1/jobs/"+id, adminapi.SigningName, "", &j); status != 200 {
			t.Fatalf("GET job %s: %d", id, status)
		}
		if j.Finished != nil {
			return j
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("job %s is still %s", id, j.State)
		}
	}
}

const partners = "address\nann@example.com\nbob@example.com\nnobody\nann@example.com\n"

func TestImportFromEndToEnd(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := launch(t, data)
	list, id := s.upload(t, partners)
	var none struct{}
	s.mailManager(t, "StartAddressListImportJob", fmt.Sprintf(`{"JobId":%q}`, id), &none)
	if j := s.await(t, id); j.State != "completed" || j.Imported != 3 || j.Rejected != 1 || j.API != "mailmanager" || j.List.ID != list {
		t.Errorf("job by the own API: %+v, want completed with 3 imported, 1 rejected", j)
	}
	var got struct {
		Status                               string
		ImportedItemsCount, FailedItemsCount int
	}
	s.mailManager(t, "GetAddressListImportJob", fmt.Sprintf(`{"JobId":%q}`, id), &got)
	if got.Status != "COMPLETED" || got.ImportedItemsCount != 3 || got.FailedItemsCount != 1 {
		t.Errorf("job by Mail Manager: %+v, want COMPLETED 3 1", got)
	}
	var report string
	s.call(t, "GET", "/sluice/v1/jobs/"+id+"/report", adminapi.SigningName, "", &report)
	if !strings.HasPrefix(report, "address,reason,code,line,offset,record\n") || !strings.Contains(report, ",4,40,\"nobody\"\n") {
		t.Errorf("report: %q, want the refused record with line and offset", report)
	}

	// All of it is there after a restart, and the key is the same.
	if err := s.stop(); err != nil {
		t.Fatalf("stop: %v", err)
	}
	if _, err := os.Stat(endpointFile(data)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a stopped server still says where it is (%v)", err)
	}
	first := s.key
	s = launch(t, data)
	if s.key != first {
		t.Errorf("root key after a restart: %v, want %v", s.key, first)
	}
	var member struct{ Address string }
	s.mailManager(t, "GetMemberOfAddressList", fmt.Sprintf(`{"AddressListId":%q,"Address":"bob@example.com"}`, list), &member)
	if member.Address != "bob@example.com" {
		t.Errorf("member after a restart: %+v", member)
	}
}

func TestStopAndRestartInTheMiddleOfAnImport(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := launch(t, data)
	const rows = 300_000
	var file strings.Builder
	file.WriteString("address\n")
	for i := range rows {
		fmt.Fprintf(&file, "a%07d@example.com\n", i)
	}
	_, id := s.upload(t, file.String())
	var none struct{}
	s.mailManager(t, "StartAddressListImportJob", fmt.Sprintf(`{"JobId":%q}`, id), &none)
	if err := s.stop(); err != nil { // at once: wherever the import is
		t.Fatalf("stop: %v", err)
	}
	s = launch(t, data)
	if j := s.await(t, id); j.State != "completed" || j.Imported != rows || j.Rejected != 0 {
		t.Errorf("job after a restart: %s, %d imported, %d rejected; want completed, %d, 0", j.State, j.Imported, j.Rejected, rows)
	}
}

func TestServeTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, keyFile := selfSigned(t, dir)
	s := launch(t, filepath.Join(dir, "data"), "--tls-cert", cert, "--tls-key", keyFile)
	if !strings.HasPrefix(s.URL, "https://localhost:") || s.CA != cert {
		t.Errorf("endpoint %+v, want https under the certificate's name, and the certificate to trust", s.endpoint)
	}
	pem, err := os.ReadFile(s.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	s.http.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	_, id := s.upload(t, partners) // to a link that says https, or it would not arrive
	var none struct{}
	s.mailManager(t, "StartAddressListImportJob", fmt.Sprintf(`{"JobId":%q}`, id), &none)
	if j := s.await(t, id); j.State != "completed" || j.Imported != 3 {
		t.Errorf("import over TLS: %+v", j)
	}
}

// selfSigned writes a certificate for localhost that signed itself.
func selfSigned(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
