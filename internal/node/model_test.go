package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/sigv4"
)

// caller sends signed requests to a server.
type caller struct {
	ctx    context.Context // of all requests: it ends with the process
	url    string
	client *http.Client
}

func newCaller(ctx context.Context, url string) *caller {
	return &caller{ctx, url, &http.Client{Transport: &http.Transport{}}}
}

// call returns the status and the body of the reply; 0 if there was none.
func (c *caller) call(method, path, service, body string, headers ...string) (int, string) {
	ctx, cancel := context.WithTimeout(c.ctx, time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if service != "" {
		sigv4.Sign(r, testKey, "us-east-1", service, sigv4.HashPayload([]byte(body)), time.Now())
	}
	res, err := c.client.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(text)
}

func (c *caller) get(path string) (int, string) { return c.call(http.MethodGet, path, "", "") }

// fact is what may be read of one thing: a text, or "" for nothing. After a request
// without an answer it may be one of two.
type fact struct{ is, or string }

// model remembers what was acknowledged. Its requests come one after another.
type model struct {
	*caller
	facts map[string]fact // by the path that reads them
	jobs  []string
	trace []string // of changes, for the log of a failure
	n     int
}

// The kinds of facts, by the beginning of their name.
const (
	contactFact    = "contact/"
	suppressedFact = "suppressed/"
	objectFact     = "object/"
)

func newModel(c *caller) *model { return &model{caller: c, facts: map[string]fact{}} }

// imported is what the job of the model imports.
const imported = 200

func (m *model) setUp(t *testing.T) {
	t.Helper()
	var rows strings.Builder
	for i := range imported {
		fmt.Fprintf(&rows, "imported%d@example.com,BOUNCE\n", i)
	}
	rows.WriteString("nobody,BOUNCE\n")
	for _, c := range [][]string{
		{http.MethodPost, "/v2/email/contact-lists", "ses", `{"ContactListName":"c"}`},
		{http.MethodPut, "/files", "s3", ""},
		{http.MethodPut, "/files/rows.csv", "s3", rows.String()},
	} {
		if status, text := m.call(c[0], c[1], c[2], c[3]); status != http.StatusOK {
			t.Fatalf("%s %s: %d %s", c[0], c[1], status, text)
		}
	}
}

// play makes changes until there were n, or the process is dead.
func (m *model) play(rnd *rand.Rand, n int, dead func() bool) {
	for i := 0; i < n && !dead(); i++ {
		m.n++
		name := fmt.Sprintf("%d", rnd.IntN(10))
		switch rnd.IntN(7) {
		case 0:
			m.createContact(name)
		case 1:
			m.change(contactFact+name, "", http.MethodDelete, "/v2/email/contact-lists/c/contacts/"+name+"@example.com", "ses", "")
		case 2:
			m.change(suppressedFact+name, "COMPLAINT", http.MethodPut, "/v2/email/suppression/addresses", "ses",
				`{"EmailAddress":"`+name+`@example.com","Reason":"COMPLAINT"}`)
		case 3:
			m.change(suppressedFact+name, "", http.MethodDelete, "/v2/email/suppression/addresses/"+name+"@example.com", "ses", "")
		case 4:
			m.putObject(name, fmt.Sprintf("text %d %s", m.n, strings.Repeat("x", rnd.IntN(300_000))))
		case 5:
			m.change(objectFact+name, "", http.MethodDelete, "/files/"+name, "s3", "")
		case 6:
			m.importFile()
		}
	}
}

// change makes a request after which the fact is the text, if the answer says so.
func (m *model) change(name, text, method, path, service, body string) {
	status, _ := m.call(method, path, service, body)
	m.learn(name, text, status)
}

func (m *model) learn(name, text string, status int) {
	f := m.facts[name]
	m.trace = append(m.trace, fmt.Sprintf("%s = %.20q: %d", name, text, status))
	switch {
	case status == 0:
		f.or = text
		if f.is == text {
			f.or = ""
		}
		if f.or == "" && f.is != "" && text == "" {
			f.or = isGone
		}
	case status/100 == 2:
		f = fact{is: text}
	}
	m.facts[name] = f
}

// isGone stands in fact.or for nothing.
const isGone = "\x00"

func (m *model) createContact(name string) {
	attributes := fmt.Sprintf("%d", m.n)
	status, _ := m.call(http.MethodPost, "/v2/email/contact-lists/c/contacts", "ses",
		`{"EmailAddress":"`+name+`@example.com","AttributesData":"{\"n\":\"`+attributes+`\"}"}`)
	m.learn(contactFact+name, attributes, status)
}

func (m *model) putObject(name, text string) {
	m.change(objectFact+name, text, http.MethodPut, "/files/"+name, "s3", text)
}

func (m *model) importFile() {
	_, text := m.call(http.MethodPost, "/v2/email/import-jobs", "ses",
		`{"ImportDestination":{"SuppressionListDestination":{"SuppressionListImportAction":"PUT"}},`+
			`"ImportDataSource":{"S3Url":"s3://files/rows.csv","DataFormat":"CSV"}}`)
	var job struct{ JobId string }
	if json.Unmarshal([]byte(text), &job) == nil && job.JobId != "" {
		m.jobs = append(m.jobs, job.JobId)
	}
}

// waitForJobs waits until every job has ended.
func (m *model) waitForJobs() error {
	for _, id := range m.jobs {
		for {
			status, text := m.call(http.MethodGet, "/v2/email/import-jobs/"+id, "ses", "")
			if status != http.StatusOK {
				return fmt.Errorf("job %s: %d %s", id, status, text)
			}
			if !strings.Contains(text, `"CREATED"`) && !strings.Contains(text, `"PROCESSING"`) {
				break
			}
			if err := m.ctx.Err(); err != nil {
				return fmt.Errorf("job %s has not ended: %w", id, err)
			}
		}
	}
	return nil
}

// read returns what can be read of a fact now.
func (m *model) read(name string) (string, error) {
	kind, id, _ := strings.Cut(name, "/")
	var status int
	var text string
	switch kind + "/" {
	case contactFact:
		status, text = m.call(http.MethodGet, "/v2/email/contact-lists/c/contacts/"+id+"@example.com", "ses", "")
		if _, after, ok := strings.Cut(text, `{\"n\":\"`); ok {
			text, _, _ = strings.Cut(after, `\"`)
		}
	case suppressedFact:
		status, text = m.call(http.MethodGet, "/v2/email/suppression/addresses/"+id+"@example.com", "ses", "")
		if strings.Contains(text, "COMPLAINT") {
			text = "COMPLAINT"
		}
	case objectFact:
		status, text = m.call(http.MethodGet, "/files/"+id, "s3", "")
	}
	switch status {
	case http.StatusOK:
		return text, nil
	case http.StatusNotFound:
		return "", nil
	}
	return "", fmt.Errorf("%d %s", status, text)
}

// verify compares all that can be read with what was acknowledged.
func (m *model) verify() error {
	var wrong []error
	for name, f := range m.facts {
		got, err := m.read(name)
		switch {
		case err != nil:
			wrong = append(wrong, fmt.Errorf("read %s: %w", name, err))
		case got == f.is, f.or != "" && got == f.or, f.or == isGone && got == "":
			m.facts[name] = fact{is: got}
		default:
			wrong = append(wrong, fmt.Errorf("%s is %.40q, want %.40q or %.40q", name, got, f.is, f.or))
		}
	}
	for _, id := range m.jobs {
		_, text := m.call(http.MethodGet, "/v2/email/import-jobs/"+id, "ses", "")
		if !strings.Contains(text, `"COMPLETED"`) || !strings.Contains(text, fmt.Sprintf(`"ProcessedRecordsCount":%d`, imported+1)) || !strings.Contains(text, `"FailedRecordsCount":1`) {
			wrong = append(wrong, fmt.Errorf("job %s: %s; want COMPLETED with %d processed and 1 failed", id, text, imported+1))
		}
	}
	if len(m.jobs) > 0 {
		for i := range imported {
			if status, text := m.call(http.MethodGet, fmt.Sprintf("/v2/email/suppression/addresses/imported%d@example.com", i), "ses", ""); status != http.StatusOK {
				wrong = append(wrong, fmt.Errorf("imported%d: %d %s, want it suppressed", i, status, text))
			}
		}
	}
	return errors.Join(wrong...)
}
