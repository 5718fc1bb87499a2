// Package differences reads the entries of docs/differences and renders the pages made
// from them: one page per API and an index by operation.
//
// Each file of docs/differences/entries is one entry, named after its number:
//
//	---
//	number: D31
//	title: StartDate is inclusive and EndDate exclusive
//	page: sesv2
//	kind: our choice
//	operations:
//	  - sesv2.ListSuppressedDestinations
//	tests:
//	  - TestD31_Dates
//	---
//	- **AWS:** what is known of AWS.
//	- **Sluice:** what Sluice does.
//	- **Why:** the reason.
//
// The body is Markdown; a number such as D42 in it becomes a link. The package is used by
// tests only: they compare the pages with the entries, and the entries with the tests.
package differences

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Kinds of entries.
const (
	Differs = "differs"    // AWS's behavior is known, and Sluice does something else
	Choice  = "our choice" // AWS is silent or contradicts itself, and Sluice chose
)

// Entry is one difference or choice.
type Entry struct {
	Number     int
	Title      string
	Page       string   // the page that has the entry, see Pages
	Kind       string   // Differs or Choice
	Operations []string // such as sesv2.GetContact; sesv2.* is every operation
	Tests      []string // test functions that show it; one has the number in its name
	Body       string
}

// Name returns the entry's number as it is written, such as D31.
func (e *Entry) Name() string { return "D" + strconv.Itoa(e.Number) }

// Load reads all entries of a directory, in the order of their numbers.
func Load(dir string) ([]*Entry, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return nil, err
	}
	var entries []*Entry
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		e, err := parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if want := e.Name() + ".md"; filepath.Base(file) != want {
			return nil, fmt.Errorf("%s: the file of entry %s must be named %s", file, e.Name(), want)
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b *Entry) int { return a.Number - b.Number })
	return entries, nil
}

var (
	numberForm    = regexp.MustCompile(`^D([1-9][0-9]*)$`)
	operationForm = regexp.MustCompile(`^[a-z0-9]+\.([A-Z][A-Za-z0-9]+|\*)$`)
	bodyForm      = regexp.MustCompile(`(?s)^- \*\*AWS:\*\* .+\n- \*\*Sluice:\*\* .+\n- \*\*Why:\*\* .+\n$`)
)

// parse reads the text of one entry.
func parse(text string) (*Entry, error) {
	head, body, ok := strings.Cut(strings.TrimPrefix(text, "---\n"), "\n---\n")
	if !ok || !strings.HasPrefix(text, "---\n") {
		return nil, fmt.Errorf("front matter between two lines of --- is missing")
	}
	values, lists, err := frontMatter(head)
	if err != nil {
		return nil, err
	}
	e := &Entry{
		Title: values["title"], Page: values["page"], Kind: values["kind"],
		Operations: lists["operations"], Tests: lists["tests"], Body: body,
	}
	m := numberForm.FindStringSubmatch(values["number"])
	if m == nil {
		return nil, fmt.Errorf("number %q is not of the form D31", values["number"])
	}
	if e.Number, err = strconv.Atoi(m[1]); err != nil {
		return nil, err
	}
	return e, e.check()
}

// frontMatter reads the lines "key: value", and "key:" followed by lines "  - value".
func frontMatter(head string) (values map[string]string, lists map[string][]string, err error) {
	values, lists = map[string]string{}, map[string][]string{}
	key := ""
	for _, line := range strings.Split(head, "\n") {
		if item, ok := strings.CutPrefix(line, "  - "); ok && lists[key] != nil {
			lists[key] = append(lists[key], strings.TrimSpace(item))
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		key, value = name, strings.TrimSpace(value)
		list := key == "operations" || key == "tests"
		switch {
		case !ok || !slices.Contains([]string{"number", "title", "page", "kind", "operations", "tests"}, key):
			return nil, nil, fmt.Errorf("front matter has an unknown line %q", line)
		case list && value != "":
			return nil, nil, fmt.Errorf("%s is a list: one line \"  - value\" for each value", key)
		case list:
			lists[key] = []string{}
		default:
			values[key] = value
		}
	}
	return values, lists, nil
}

// check reports what is missing in an entry.
func (e *Entry) check() error {
	for _, op := range e.Operations {
		if !operationForm.MatchString(op) {
			return fmt.Errorf("operation %q is not of the form sesv2.GetContact or sesv2.*", op)
		}
	}
	switch {
	case e.Title == "":
		return fmt.Errorf("title is missing")
	case pageOf(e.Page) == nil:
		return fmt.Errorf("page %q is not one of %s", e.Page, strings.Join(pageNames(), ", "))
	case e.Kind != Differs && e.Kind != Choice:
		return fmt.Errorf("kind %q is neither %q nor %q", e.Kind, Differs, Choice)
	case len(e.Operations) == 0:
		return fmt.Errorf("operations are missing")
	case len(e.Tests) == 0:
		return fmt.Errorf("tests are missing")
	case !bodyForm.MatchString(e.Body):
		return fmt.Errorf("the body does not consist of the items AWS, Sluice and Why")
	}
	return nil
}

// Concerns reports whether the entry is about one operation of an API, and not only about
// all of them.
func (e *Entry) Concerns(api, operation string) bool {
	return slices.Contains(e.Operations, api+"."+operation)
}
