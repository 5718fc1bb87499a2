package conformance

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

const formatsPath = "../docs/formats.md"

// imported is what sluice import prints of a job.
type imported struct {
	ID, State, Error   string
	Imported, Rejected int
}

// importText imports a text into a list of its own, by sluice import.
func (s *server) importText(t *testing.T, kind, format, action, text string) imported {
	t.Helper()
	file := filepath.Join(t.TempDir(), "example."+format)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	name := strings.NewReplacer("/", "-", "#", "").Replace(t.Name())
	args := []string{"import", file, "--json", "--action", action, "--to", kind}
	switch kind {
	case "suppression":
	case "contact-list":
		s.createNewsList(t, name)
		args[len(args)-1] += "/" + name
	default:
		args[len(args)-1] += "/" + name
		args = append(args, "--create")
	}
	cmd := exec.Command(binary, args...)
	cmd.Env = s.env()
	out, err := cmd.Output()
	exit := (*exec.ExitError)(nil)
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 3 && exit.ExitCode() != 4) {
		t.Fatalf("sluice import: %v\n%s", err, exit.Stderr)
	}
	var job imported
	if err := json.Unmarshal(out, &job); err != nil {
		t.Fatalf("sluice import prints %q: %v", out, err)
	}
	return job
}

// createNewsList creates a contact list with the topics of the page.
func (s *server) createNewsList(t *testing.T, name string) {
	t.Helper()
	mail, _ := s.clients()
	var topics []types.Topic
	for _, topic := range []string{"news", "offers"} {
		topics = append(topics, types.Topic{
			TopicName: aws.String(topic), DisplayName: aws.String(topic), DefaultSubscriptionStatus: types.SubscriptionStatusOptIn,
		})
	}
	if _, err := mail.CreateContactList(t.Context(), &sesv2.CreateContactListInput{ContactListName: &name, Topics: topics}); err != nil {
		t.Fatal(err)
	}
}

// TestFormatsExamples imports every example of docs/formats.md. What follows the language of
// a block says where to, and what comes of it:
//
//	csv contact-list action=DELETE imported=2
//	json address-list failed imported=1          with the sentence in a quotation below
func TestFormatsExamples(t *testing.T) {
	t.Parallel()
	s := start(t)
	blocks := regexp.MustCompile("(?s)```(csv|json) ([a-z-]+)([^\n]*)\n(.*?)```\n(?:\n> ([^\n]*))?").FindAllStringSubmatch(readFile(t, formatsPath), -1)
	seen := map[string]int{}
	for i, m := range blocks {
		format, kind, options, text, sentence := m[1], m[2], strings.Fields(m[3]), m[4], m[5]
		if kind == "report" {
			continue
		}
		seen[kind+" "+format]++
		t.Run(fmt.Sprintf("%s-%s-%d", kind, format, i), func(t *testing.T) {
			t.Parallel()
			action, want := "PUT", imported{State: "completed"}
			for _, option := range options {
				key, value, _ := strings.Cut(option, "=")
				switch key {
				case "action":
					action = value
				case "failed":
					want.State = "failed"
				case "imported":
					want.Imported, _ = strconv.Atoi(value)
				default:
					t.Fatalf("option %q of the example is unknown", option)
				}
			}
			got := s.importText(t, kind, format, action, text)
			if got.State != want.State || got.Imported != want.Imported || got.Rejected != 0 {
				t.Errorf("the import is %s with %d imported, %d rejected (%s); want %s, %d, 0\n%s",
					got.State, got.Imported, got.Rejected, got.Error, want.State, want.Imported, text)
			}
			if want.State == "failed" && (sentence == "" || !strings.Contains(got.Error, sentence)) {
				t.Errorf("the job failed with %q, want %q in it", got.Error, sentence)
			}
		})
	}
	for _, want := range []string{
		"address-list csv", "address-list json", "suppression csv", "suppression json",
		"contact-list csv", "contact-list json", "quick-responses csv",
	} {
		if seen[want] == 0 {
			t.Errorf("%s has no example of %s", formatsPath, want)
		}
	}
}

// rejectedTable is a table of docs/formats.md: codes, each with a record that is rejected so.
// What comes before the table says where the records are imported to, and under what header.
var (
	rejectedTable = regexp.MustCompile(`<!-- rejected: ([a-z-]+) (csv|json) ?(\S*) -->\n((?:\|[^\n]*\n)+)`)
	rejectedRow   = regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| (.*?) \\| .*\\|$")
	codeSpan      = regexp.MustCompile("^`([^`]*)`$")
)

// TestFormatsRejections imports the records of docs/formats.md that are rejected, and
// compares the codes of the report.
func TestFormatsRejections(t *testing.T) {
	t.Parallel()
	s := start(t)
	page := readFile(t, formatsPath)
	for i, m := range rejectedTable.FindAllStringSubmatch(page, -1) {
		kind, format, header, rows := m[1], m[2], m[3], rejectedRow.FindAllStringSubmatch(m[4], -1)
		t.Run(fmt.Sprintf("%s-%s-%d", kind, format, i), func(t *testing.T) {
			t.Parallel()
			var want []string
			text, good := header+"\n", 0
			if format == "json" { // a first value of one line shows that each line is a value
				text, good = `{"emailAddress": "ann@example.com", "address": "ann@example.com"}`+"\n", 1
			}
			for _, row := range rows {
				if record := codeSpan.FindStringSubmatch(row[2]); record != nil {
					text += record[1] + "\n"
					want = append(want, row[1])
				}
			}
			job := s.importText(t, kind, format, "PUT", text)
			report := exec.Command(binary, "report", job.ID)
			report.Env = s.env()
			out, err := report.Output()
			if err != nil {
				t.Fatalf("sluice report: %v", err)
			}
			table, err := csv.NewReader(strings.NewReader(string(out))).ReadAll()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var got []string
			for _, row := range table[1:] {
				got = append(got, row[2])
			}
			if !slices.Equal(got, want) || job.Imported != good {
				t.Errorf("%d imported, rejected for\n%q, want %d, and\n%q; the source is\n%s", job.Imported, got, good, want, text)
			}
		})
	}
}

// TestFormatsCodes: docs/formats.md has every code that the source has.
func TestFormatsCodes(t *testing.T) {
	t.Parallel()
	page := readFile(t, formatsPath)
	inSource := map[string]bool{}
	code := regexp.MustCompile(`(?:\bCode: *|[rR]e(?:fusal|jection)\()"([a-z]+(?:-[a-z]+)+)"`)
	for _, path := range []string{"../internal/record/*.go", "../internal/destination/*.go", "../internal/store/*.go"} {
		files, err := filepath.Glob(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, m := range code.FindAllStringSubmatch(readFile(t, file), -1) {
				inSource[m[1]] = true
			}
		}
	}
	delete(inSource, "nested-value") // of quick responses in JSON, which no API imports
	if len(inSource) < 50 {
		t.Fatalf("%d codes found in the source: the test does not find them", len(inSource))
	}
	onPage := map[string]bool{}
	for _, table := range rejectedTable.FindAllString(page, -1) {
		for _, row := range rejectedRow.FindAllStringSubmatch(table, -1) {
			onPage[row[1]] = true
			if !inSource[row[1]] {
				t.Errorf("%s has the code %q, which the source has not", formatsPath, row[1])
			}
		}
	}
	for code := range inSource {
		if !onPage[code] {
			t.Errorf("%s lacks the code %q", formatsPath, code)
		}
	}
}
