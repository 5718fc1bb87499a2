package differences

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// page is a page of entries.
type page struct {
	name  string
	title string
	about string
}

// pages in the order of the index.
var pages = []*page{
	{"all-apis", "All APIs", "behavior that several APIs share: constraints, paging, errors, rate limits, jobs"},
	{"mailmanager", "SES Mail Manager", "address lists, their members and import jobs"},
	{"sesv2", "SES v2", "contact lists, contacts, the suppression list, the account and import jobs"},
	{"qconnect", "Q in Connect and Connect Wisdom", "knowledge bases, quick responses, search and import jobs"},
	{"import-files", "Import files", "formats, encodings and limits of the imported files, and reports"},
	{"s3", "S3", "the embedded S3 endpoint"},
}

// apis that entries name, in the order in which operations are listed.
var apis = []struct{ name, title string }{
	{"mailmanager", "SES Mail Manager"}, {"sesv2", "SES v2"}, {"qconnect", "Q in Connect and Connect Wisdom"}, {"s3", "S3"},
}

func pageOf(name string) *page {
	for _, p := range pages {
		if p.name == name {
			return p
		}
	}
	return nil
}

func pageNames() []string {
	names := make([]string, len(pages))
	for i, p := range pages {
		names[i] = p.name
	}
	return names
}

const generated = "<!-- Generated from entries/; edit those and run make docs. -->\n\n"

// Render returns the text of each page of docs/differences by its file name.
func Render(entries []*Entry) map[string]string {
	out := map[string]string{"README.md": index(entries)}
	for _, p := range pages {
		out[p.name+".md"] = p.render(entries)
	}
	return out
}

func (p *page) render(entries []*Entry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s# %s: differences from AWS, and our choices\n\n", generated, p.title)
	fmt.Fprintf(&b, "For developers who move programs between AWS and Sluice. After this page you know where the two\n"+
		"differ, and what Sluice does where AWS says nothing, in: %s.\nSee the [index by operation](README.md).\n\n", p.about)
	for _, k := range []struct{ kind, title, text string }{
		{Differs, "Differs from AWS", "AWS's behavior is documented or was observed, and Sluice does something else."},
		{Choice, "Our choice where AWS is silent", "AWS does not document the behavior, or its sources contradict each other."},
	} {
		var of []*Entry
		for _, e := range entries {
			if e.Page == p.name && e.Kind == k.kind {
				of = append(of, e)
			}
		}
		if len(of) == 0 {
			continue
		}
		fmt.Fprintf(&b, "## %s\n\n%s\n\n| | | operations |\n|---|---|---|\n", k.title, k.text)
		for _, e := range of {
			fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", e.Name(), anchor(e), linkNumbers(e.Title, entries, p.name), e.operations(p.name))
		}
		for _, e := range of {
			fmt.Fprintf(&b, "\n<a id=\"%s\"></a>\n### %s. %s\n\n%s- **Tests:** `%s`\n",
				anchor(e), e.Name(), e.Title, linkNumbers(e.Body, entries, p.name), strings.Join(e.Tests, "`, `"))
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func anchor(e *Entry) string { return "d" + strconv.Itoa(e.Number) }

var numbers = regexp.MustCompile(`\bD[1-9][0-9]*\b`)

// linkNumbers links the numbers of entries in a text of the given page.
func linkNumbers(text string, entries []*Entry, from string) string {
	return numbers.ReplaceAllStringFunc(text, func(n string) string {
		for _, e := range entries {
			switch {
			case e.Name() != n:
			case e.Page == from:
				return fmt.Sprintf("[%s](#%s)", n, anchor(e))
			default:
				return fmt.Sprintf("[%s](%s.md#%s)", n, e.Page, anchor(e))
			}
		}
		return n
	})
}

// operations names the operations of an entry, those of other APIs than the page's
// after the name of their API.
func (e *Entry) operations(on string) string {
	var parts, entire []string
	for _, api := range apis {
		var names []string
		for _, op := range e.Operations {
			if of, name, _ := strings.Cut(op, "."); of == api.name {
				names = append(names, name)
			}
		}
		switch text := strings.Join(names, ", "); {
		case text == "":
		case text == "*":
			entire = append(entire, api.title)
		case api.name == on:
			parts = append(parts, text)
		default:
			parts = append(parts, api.title+": "+text)
		}
	}
	switch {
	case len(entire) == len(apis) || slices.Equal(entire, []string{titleOf(on)}):
		parts = append(parts, "every operation")
	case len(entire) > 0:
		parts = append(parts, "every operation of "+strings.Join(entire, ", "))
	}
	return strings.Join(parts, "; ")
}

func titleOf(api string) string {
	for _, a := range apis {
		if a.name == api {
			return a.title
		}
	}
	return ""
}

// index renders README.md: the pages, and the entries of each operation.
func index(entries []*Entry) string {
	var b strings.Builder
	b.WriteString(generated + `# Differences from AWS

For developers who move programs between AWS and Sluice. Sluice implements AWS's APIs so that programs
written for them work unchanged. This directory lists where it deliberately behaves differently, and
what it does where AWS's documentation is silent. Each entry has a number that does not change, and a
test with that number in its name.

| page | differs from AWS | our choice | |
|---|---|---|---|
`)
	for _, p := range pages {
		n := map[string]int{}
		for _, e := range entries {
			if e.Page == p.name {
				n[e.Kind]++
			}
		}
		fmt.Fprintf(&b, "| [%s](%s.md) | %d | %d | %s |\n", p.title, p.name, n[Differs], n[Choice], p.about)
	}
	b.WriteString(`
What is known about AWS comes from its documentation and API models. *Observed* means that somebody saw
it in AWS's responses. What Sluice has in addition to AWS's APIs (the commands, the
[API under /sluice/v1/](../api.md)) is not listed. What is not implemented at all is in
[operations.md](../operations.md).

## By operation

`)
	for _, api := range apis {
		operations := map[string]bool{}
		for _, e := range entries {
			for _, op := range e.Operations {
				if of, name, _ := strings.Cut(op, "."); of == api.name {
					operations[name] = true
				}
			}
		}
		fmt.Fprintf(&b, "### %s\n\n| operation | differs from AWS | our choice |\n|---|---|---|\n", api.title)
		for _, name := range slices.Sorted(maps.Keys(operations)) {
			title := name
			if name == "*" {
				title = "every operation"
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", title, links(entries, api.name, name, Differs, ""), links(entries, api.name, name, Choice, ""))
		}
		b.WriteString("\n")
	}
	b.WriteString(`## Adding an entry

Write ` + "`entries/Dn.md`" + ` with the next free number, and a test ` + "`TestDn_Title`" + ` in the package that implements the
behavior. ` + "`make docs`" + ` writes the pages. A test fails if an entry has no test, or a page is out of date.
`)
	return b.String()
}

// Links returns links to the entries about one operation of an API, for a page in docs.
func Links(entries []*Entry, api, operation string) string {
	return links(entries, api, operation, "", "differences/")
}

// links to the entries about an operation, of one kind unless kind is empty. The files
// of the pages are in the folder dir.
func links(entries []*Entry, api, operation, kind, dir string) string {
	var out []string
	for _, e := range entries {
		if e.Concerns(api, operation) && (kind == "" || e.Kind == kind) {
			out = append(out, fmt.Sprintf("[%s](%s%s.md#%s)", e.Name(), dir, e.Page, anchor(e)))
		}
	}
	return strings.Join(out, ", ")
}
