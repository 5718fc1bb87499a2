package mailmanager

import (
	"bytes"
	"compress/gzip"
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf16"

	"github.com/sluicehq/sluice/internal/api/mailmanagerapi"
	"github.com/sluicehq/sluice/internal/engine"
	"github.com/sluicehq/sluice/internal/limits"
)

// imported runs an import of text into a new list with the real engine, and returns
// the job at its end and the members.
func imported(t *testing.T, format mailmanagerapi.ImportDataType, text string, limits limits.Profile) (*mailmanagerapi.GetAddressListImportJobOutput, []string) {
	t.Helper()
	f := newFixture(t, limits)
	ctx, quit := context.WithCancel(t.Context())
	e := engine.New(f.db, f.files, engine.Options{Limits: limits})
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()

	list := f.list(t, "customers")
	id := must(f.CreateAddressListImportJob(me(t), &mailmanagerapi.CreateAddressListImportJobInput{
		AddressListId: list, Name: "import", ImportDataFormat: &mailmanagerapi.ImportDataFormat{ImportDataType: format},
	})).JobId
	f.upload(t, id, text)
	f.start(t, id)
	for f.get(t, id).CompletedTimestamp == nil {
		time.Sleep(time.Second) // the bubble's second
	}
	quit()
	if err := <-ended; err != nil {
		t.Errorf("engine: %v", err)
	}
	members, _ := f.members(t, &mailmanagerapi.ListMembersOfAddressListInput{AddressListId: list})
	return f.get(t, id), members
}

// importCase is a file and what comes of it.
type importCase struct {
	name    string
	format  mailmanagerapi.ImportDataType // CSV if empty
	text    string
	limits  limits.Profile
	failed  int64
	members []string
	error   string // the job ends FAILED, saying this
	count   int64  // imported, if not one for each member
}

func runImports(t *testing.T, cases []importCase) {
	t.Helper()
	t.Parallel()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if tt.format == "" {
					tt.format = mailmanagerapi.ImportDataTypeCsv
				}
				if tt.count == 0 {
					tt.count = int64(len(tt.members))
				}
				got, members := imported(t, tt.format, tt.text, tt.limits)
				status := mailmanagerapi.ImportJobStatusCompleted
				if tt.error != "" {
					status = mailmanagerapi.ImportJobStatusFailed
					if got.Error == nil || !strings.Contains(*got.Error, tt.error) {
						t.Errorf("error: %v, want %q", got.Error, tt.error)
					}
				}
				if got.Status != status || *got.ImportedItemsCount != tt.count || *got.FailedItemsCount != tt.failed {
					t.Errorf("job: %s, %d imported, %d failed; want %s, %d, %d", got.Status, *got.ImportedItemsCount, *got.FailedItemsCount, status, tt.count, tt.failed)
				}
				if !slices.Equal(members, tt.members) {
					t.Errorf("members: %q, want %q", members, tt.members)
				}
			})
		})
	}
}

func TestD37_Duplicates(t *testing.T) {
	runImports(t, []importCase{
		{name: "in the file", text: "address\na@example.com\na@EXAMPLE.com\na@example.com\n", members: []string{"a@example.com"}, count: 3},
	})
}

func TestD39_Headers(t *testing.T) {
	runImports(t, []importCase{
		{name: "header", text: "address\na@example.com\n", members: []string{"a@example.com"}},
		{name: "header in capitals", text: " ADDRESS \na@example.com\n", members: []string{"a@example.com"}},
		{name: "none", text: "a@example.com\nb@example.com\n", members: []string{"a@example.com", "b@example.com"}},
		{name: "none, a bad address first", text: "a b@example.com\nb@example.com\n", members: []string{"b@example.com"}, failed: 1},
		{name: "none, a domain first", text: "example.com\nb@example.com\n", members: []string{"b@example.com", "example.com"}},
		{name: "other columns", text: "email,name\na@example.com,Ann\n", error: "line 1"},
	})
}

func TestD40_JSONForms(t *testing.T) {
	ab := []string{"a@example.com", "b@example.com"}
	runImports(t, []importCase{
		{name: "items", format: "JSON", text: `{"items":[{"address":"a@example.com"},{"address":"b@example.com"}]}`, members: ab},
		{name: "strings in items", format: "JSON", text: `{"items":["a@example.com","b@example.com"]}`, members: ab},
		{name: "array of objects", format: "JSON", text: `[{"address":"a@example.com"},{"address":"b@example.com"}]`, members: ab},
		{name: "array of strings", format: "JSON", text: `["a@example.com","b@example.com"]`, members: ab},
		{name: "one a line", format: "JSON", text: "{\"address\":\"a@example.com\"}\n{\"address\":\"b@example.com\"}\n", members: ab},
	})
}

func TestD41_MoreThanAddresses(t *testing.T) {
	runImports(t, []importCase{
		{name: "columns", text: "name,address\nAnn,a@example.com\n", members: []string{"a@example.com"}},
		{name: "cells", text: "address\na@example.com,Ann\nb@example.com,\n", members: []string{"b@example.com"}, failed: 1},
		{name: "members", format: "JSON", text: `{"v":1,"items":[{"name":"Ann","address":"a@example.com"}]}`, members: []string{"a@example.com"}},
	})
}

func TestD45_Text(t *testing.T) {
	wide := utf16.Encode([]rune("\ufeffaddress\r\na@example.com\r\n"))
	var utf16le []byte
	for _, u := range wide {
		utf16le = append(utf16le, byte(u), byte(u>>8))
	}
	runImports(t, []importCase{
		{name: "mark, line ends, blank lines", text: "\ufeffaddress\r\n\r\na@example.com\r\n\n b@example.com \n", members: []string{"a@example.com", "b@example.com"}},
		{name: "quotes", text: "\"address\"\n\"a@example.com\"\n", members: []string{"a@example.com"}},
		{name: "UTF-16", text: string(utf16le), members: []string{"a@example.com"}},
		{name: "a line in another charset", text: "address\nm\xfcller@example.com\na@example.com\n", members: []string{"a@example.com"}, failed: 1},
	})
}

func TestD46_Compression(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte("address\na@example.com\n")); err != nil || w.Close() != nil {
		t.Fatalf("gzip: %v", err)
	}
	runImports(t, []importCase{
		{name: "gzip", text: packed.String(), members: []string{"a@example.com"}},
		{name: "gzip, cut off", text: packed.String()[:packed.Len()-9], error: "gzip"},
	})
}

func TestD47_EmptyFiles(t *testing.T) {
	runImports(t, []importCase{
		{name: "no byte"},
		{name: "header alone", text: "address\n"},
		{name: "no items", format: "JSON", text: `{"items":[]}`},
	})
}

func TestD48_OtherFormat(t *testing.T) {
	runImports(t, []importCase{
		{name: "JSON for CSV", text: `{"items":[{"address":"a@example.com"}]}`, error: "it looks like JSON"},
		{name: "CSV for JSON", format: "JSON", text: "address\na@example.com\n", error: "not JSON"},
		{name: "ZIP", text: "PK\x03\x04\x14\x00\x00", error: "ZIP"},
	})
}

func TestD49_FullList(t *testing.T) {
	runImports(t, []importCase{
		{
			name: "one too many", text: "address\na@example.com\nb@example.com\nc@example.com\na@example.com\n", limits: limits.Profile{ListMembers: 2},
			members: []string{"a@example.com", "b@example.com"}, count: 3, failed: 1,
		},
	})
}
