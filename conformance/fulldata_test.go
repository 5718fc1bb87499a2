package conformance

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// program is one run of the program on a data directory that has its own root key.
type program struct {
	caller
	data   string
	cmd    *exec.Cmd
	log    *buffer
	exited chan struct{}
}

// command is the program with a data directory's own key, whatever the environment says.
func command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SLUICE_") && !strings.HasPrefix(v, "AWS_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	return cmd
}

// startProgram starts the program on a directory and waits until it listens or has ended.
func startProgram(ctx context.Context, data string) (*program, error) {
	p := &program{data: data, log: &buffer{}, exited: make(chan struct{})}
	_ = os.Remove(filepath.Join(data, "endpoint.json")) // of a process that was killed
	p.cmd = command(ctx, "serve", "--listen", "127.0.0.1:0", "--data", data, "--jobs", "1")
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = p.cmd.Wait(); close(p.exited) }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(time.Minute); ; {
		var e struct{ URL string }
		text, err := os.ReadFile(filepath.Join(data, "endpoint.json"))
		if err == nil && json.Unmarshal(text, &e) == nil && e.URL != "" {
			p.base = e.URL
			return p, nil
		}
		select {
		case <-p.exited:
			return p, nil
		case <-limit:
			p.end(syscall.SIGKILL)
			return p, fmt.Errorf("the server neither listens nor ends:\n%s", p.log)
		case <-tick.C:
		}
	}
}

func (p *program) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

func (p *program) end(sig os.Signal) {
	_ = p.cmd.Process.Signal(sig)
	<-p.exited
}

// rootKey reads the root key of a data directory.
func rootKey(t *testing.T, data string) (k aws.Credentials) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "credentials"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		switch name {
		case "aws_access_key_id":
			k.AccessKeyID = value
		case "aws_secret_access_key":
			k.SecretAccessKey = value
		}
	}
	return k
}

// filler fills a data directory.
type filler struct {
	*testing.T
	*program
	files string // a directory for files to import
}

// must makes a call that succeeds, and returns the reply.
func (f *filler) must(status int, text string) string {
	f.Helper()
	if status/100 != 2 {
		f.Fatalf("status %d: %s", status, text)
	}
	return text
}

// imports runs the program's import command; some records may be rejected.
func (f *filler) imports(to, text string, args ...string) {
	f.Helper()
	file := filepath.Join(f.files, "import.csv")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
	cmd := command(f.Context(), append([]string{"import", file, "--to", to, "--create", "--data", f.data}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != 3 {
		f.Fatalf("import to %s: %v\n%s", to, err, out)
	}
}

// lines returns n lines, each of which has its number for each %[1]d.
func lines(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// fill puts something of every kind into the server's directory: lists, members, jobs in
// every state, refused records, reports, objects, uploads. Some of it is in sorted files,
// and some only in the logs.
func (f *filler) fill() {
	ctx := f.Context()
	f.must(f.call(ctx, "ses", "POST", "/v2/email/contact-lists", `{"ContactListName":"news","Topics":[{"TopicName":"t","DisplayName":"T","DefaultSubscriptionStatus":"OPT_IN"}],"Tags":[{"Key":"k","Value":"v"}]}`))
	f.imports("suppression", lines(20_000, "a%[1]d@example.com,BOUNCE\n")+"nobody,BOUNCE\na@example.com\n")
	f.imports("contact-list/news", "emailAddress,attributesData,topicPreferences.t\n"+lines(30, "c%[1]d@example.com,\"{\"\"n\"\":%[1]d}\",OPT_OUT\n")+"nobody,,\n")
	f.imports("address-list/partners", "address\n"+lines(300, "a%[1]d@example.com\n")+"x y\n")
	f.imports("quick-responses/answers", "name,content,shortcutKey\n"+lines(10, "n%[1]d,content of %[1]d,s%[1]d\n")+",no name,\n")
	f.imports("address-list/gone", "address\n"+lines(200, "g%[1]d@example.com\n"))
	lists := f.must(f.mail(ctx, "ListAddressLists", "{}"))
	ids := each([]string{lists}, "AddressListId")
	for i, name := range each([]string{lists}, "AddressListName") {
		if name == "gone" {
			f.must(f.mail(ctx, "DeleteAddressList", `{"AddressListId":"`+ids[i]+`"}`))
		} else {
			f.uploaded(ids[i])
		}
	}
	f.failed()
	f.putObjects()
	if out, err := command(ctx, "check", "--data", f.data).CombinedOutput(); err != nil { // its snapshot flushes the store
		f.Fatalf("check of the running server: %v\n%s", err, out)
	}
	f.addToLogs()
}

// uploaded makes a job whose file is there and which nobody starts.
func (f *filler) uploaded(list string) {
	f.Helper()
	text := f.must(f.mail(f.Context(), "CreateAddressListImportJob",
		`{"AddressListId":"`+list+`","Name":"waiting","ImportDataFormat":{"ImportDataType":"CSV"},"ClientToken":"token-1"}`))
	var made struct {
		PreSignedURL string `json:"PreSignedUrl"`
	}
	if err := json.Unmarshal([]byte(text), &made); err != nil {
		f.Fatal(err)
	}
	r, err := http.NewRequestWithContext(f.Context(), http.MethodPut, made.PreSignedURL, strings.NewReader("address\nlate@example.com\n"))
	if err != nil {
		f.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		f.Fatal(err)
	}
	resp.Body.Close()
}

// failed makes a job that fails: its source is not there.
func (f *filler) failed() {
	f.must(f.call(f.Context(), "ses", "POST", "/v2/email/import-jobs", importJob("missing", "PUT"), "Content-Type", "application/json"))
	f.settled(f.Context())
}

func importJob(key, action string) string {
	return `{"ImportDataSource":{"S3Url":"s3://sluice/` + key + `","DataFormat":"CSV"},` +
		`"ImportDestination":{"SuppressionListDestination":{"SuppressionListImportAction":"` + action + `"}}}`
}

func (f *filler) putObjects() {
	ctx := f.Context()
	f.must(f.call(ctx, "s3", "PUT", "/files", ""))
	f.must(f.call(ctx, "s3", "PUT", "/files/small", "a small file", "X-Amz-Meta-Color", "red", "Content-Type", "text/plain"))
	f.must(f.call(ctx, "s3", "PUT", "/files/copy", "", "X-Amz-Copy-Source", "/files/small"))
	f.must(f.call(ctx, "s3", "PUT", "/files/replaced", "before"))
	f.must(f.call(ctx, "s3", "PUT", "/files/replaced", "after"))
	f.must(f.call(ctx, "s3", "PUT", "/files/empty", ""))
	f.upload("large", true)
	f.upload("unfinished", false)
}

// upload puts a file in two parts.
func (f *filler) upload(key string, complete bool) {
	ctx, path := f.Context(), "/files/"+key
	text := f.must(f.call(ctx, "s3", "POST", path+"?uploads=", ""))
	_, text, _ = strings.Cut(text, "<UploadId>")
	id, _, _ := strings.Cut(text, "</UploadId>")
	size := 100
	if complete {
		size = 5 << 20
	}
	parts := ""
	for n, part := range []string{strings.Repeat("0123456789abcdef", size/16), "the end of " + key} {
		text = f.must(f.call(ctx, "s3", "PUT", fmt.Sprintf("%s?partNumber=%d&uploadId=%s", path, n+1, id), part))
		_, tag, _ := strings.Cut(text, "ETag=")
		tag, _, _ = strings.Cut(tag, " ")
		parts += fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", n+1, tag)
	}
	if complete {
		f.must(f.call(ctx, "s3", "POST", path+"?uploadId="+id, "<CompleteMultipartUpload>"+parts+"</CompleteMultipartUpload>"))
	}
}

// addToLogs makes changes that are only in the logs of store and index.
func (f *filler) addToLogs() {
	ctx := f.Context()
	for i := range 20 {
		f.must(f.call(ctx, "ses", "PUT", "/v2/email/suppression/addresses", fmt.Sprintf(`{"EmailAddress":"late%d@example.com","Reason":"COMPLAINT"}`, i)))
		f.must(f.call(ctx, "s3", "PUT", fmt.Sprint("/files/late", i), fmt.Sprint("late ", i)))
	}
	f.must(f.call(ctx, "ses", "POST", "/v2/email/contact-lists/news/contacts", `{"EmailAddress":"single@example.com","AttributesData":"{}"}`))
}

// halfDone starts a job and ends the process by a signal in the middle of it.
func (f *filler) halfDone(sig syscall.Signal) {
	ctx := f.Context()
	var text bytes.Buffer
	w := gzip.NewWriter(&text)
	_, err := w.Write([]byte(lines(1_000_000, "x%[1]d@example.com\n")))
	if err != nil || w.Close() != nil {
		f.Fatal(err)
	}
	f.must(f.call(ctx, "s3", "PUT", "/sluice/half", text.String()))
	reply := f.must(f.call(ctx, "ses", "POST", "/v2/email/import-jobs", importJob("half", "DELETE"), "Content-Type", "application/json"))
	id := each([]string{reply}, "JobId")[0]
	within(f.T, time.Minute, "the job has begun", func() bool {
		_, text := f.call(ctx, "sluice", "GET", "/sluice/v1/jobs/"+id, "")
		var j struct {
			Imported int64
			State    string
		}
		if err := json.Unmarshal([]byte(text), &j); err != nil {
			f.Fatal(err)
		}
		return j.Imported > 0
	})
	f.end(sig)
}
