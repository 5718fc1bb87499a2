package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/gateway/jobs"
	"github.com/sluicehq/sluice/internal/gateway/snapshots"
)

// document is what this test reads of docs/openapi.yaml.
type document struct {
	OpenAPI    string
	Paths      map[string]map[string]yaml.Node // by method, and "parameters"
	Components struct {
		Parameters map[string]parameter
		Responses  map[string]response
		Schemas    map[string]schema
	}
}

type endpoint struct {
	OperationID string `yaml:"operationId"`
	Parameters  []parameter
	Responses   map[string]response
}

type parameter struct {
	Ref      string `yaml:"$ref"`
	Name, In string
	Required bool
	Schema   schema
}

type response struct {
	Ref     string `yaml:"$ref"`
	Content map[string]struct{ Schema schema }
}

type schema struct {
	Ref             string `yaml:"$ref"`
	Type, Format    string
	ContentEncoding string `yaml:"contentEncoding"`
	Enum            []string
	Required        []string
	Properties      map[string]schema
	Items           *schema
	Additional      *schema `yaml:"additionalProperties"`
}

// call is an operation of the document.
type call struct {
	method, path string
	endpoint
}

func readOpenAPI(t *testing.T) (document, []call) {
	t.Helper()
	var doc document
	if err := yaml.Unmarshal([]byte(readFile(t, "../docs/openapi.yaml")), &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("openapi = %q, want 3.1", doc.OpenAPI)
	}
	var calls []call
	for path, item := range doc.Paths {
		for method, node := range item {
			if method == "parameters" {
				continue
			}
			c := call{method: strings.ToUpper(method), path: path}
			if err := node.Decode(&c.endpoint); err != nil {
				t.Fatalf("%s %s: %v", method, path, err)
			}
			calls = append(calls, c)
		}
	}
	return doc, calls
}

// TestOpenAPISchemas compares the schemas of docs/openapi.yaml with the types that the
// handlers write.
func TestOpenAPISchemas(t *testing.T) {
	t.Parallel()
	doc, _ := readOpenAPI(t)
	written := map[string]reflect.Type{
		"Page": reflect.TypeFor[adminapi.Page](), "Job": reflect.TypeFor[adminapi.Job](), "List": reflect.TypeFor[adminapi.List](),
		"Source": reflect.TypeFor[adminapi.Source](), "Reject": reflect.TypeFor[adminapi.Reject](), "Version": reflect.TypeFor[adminapi.Version](),
		"Error": reflect.TypeFor[adminapi.Fault](), "Snapshot": reflect.TypeFor[snapshots.Snapshot](), "Event": reflect.TypeFor[snapshots.Event](),
	}
	for name, s := range doc.Components.Schemas {
		of, ok := written[name]
		switch {
		case !ok && s.Type == "object":
			t.Errorf("schema %s: no handler writes it", name)
		case ok:
			compareObject(t, doc, name, s, of)
		}
	}
	for name := range written {
		if _, ok := doc.Components.Schemas[name]; !ok {
			t.Errorf("schema %s is missing", name)
		}
	}
}

// compareObject compares the properties of an object with the fields of a struct.
func compareObject(t *testing.T, doc document, name string, s schema, of reflect.Type) {
	t.Helper()
	fields := map[string]reflect.Type{}
	var required []string
	for i := range of.NumField() {
		tag, options, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		fields[tag] = of.Field(i).Type
		if !strings.Contains(options, "omitempty") {
			required = append(required, tag)
		}
	}
	if got, want := slices.Sorted(maps.Keys(s.Properties)), slices.Sorted(maps.Keys(fields)); !slices.Equal(got, want) {
		t.Errorf("schema %s has the properties %q, the handlers write %q", name, got, want)
	}
	if slices.Sort(required); !slices.Equal(slices.Sorted(slices.Values(s.Required)), required) {
		t.Errorf("schema %s requires %q, the handlers always write %q", name, s.Required, required)
	}
	for property, got := range s.Properties {
		if of, ok := fields[property]; ok {
			if got, want := describe(doc, got), describeType(of); got != want {
				t.Errorf("schema %s: %s is %s, the handlers write %s", name, property, got, want)
			}
		}
	}
}

// describe names the type of a schema.
func describe(doc document, s schema) string {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		if doc.Components.Schemas[name].Type == "object" {
			return name
		}
		s = doc.Components.Schemas[name]
	}
	switch {
	case s.Type == "array":
		return "array of " + describe(doc, *s.Items)
	case s.Type == "object" && s.Additional != nil:
		return "map of " + describe(doc, *s.Additional)
	case s.Format != "":
		return s.Type + " " + s.Format
	case s.ContentEncoding != "":
		return s.Type + " " + s.ContentEncoding
	}
	return s.Type
}

// describeType names the type in which package json writes values of a Go type.
func describeType(of reflect.Type) string {
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	switch {
	case of == reflect.TypeFor[time.Time]():
		return "string date-time"
	case of == reflect.TypeFor[[]byte]():
		return "string base64"
	case of.Kind() == reflect.Slice:
		return "array of " + describeType(of.Elem())
	case of.Kind() == reflect.Map:
		return "map of " + describeType(of.Elem())
	case of.Kind() == reflect.Struct:
		return of.Name()
	}
	return map[reflect.Kind]string{
		reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Int64: "integer", reflect.Float64: "number",
	}[of.Kind()]
}

// TestOpenAPIOperations compares the operations of docs/openapi.yaml with those of the
// server: their names, their paths and methods, their parameters, and the statuses of
// responses.
func TestOpenAPIOperations(t *testing.T) {
	t.Parallel()
	doc, calls := readOpenAPI(t)
	s := start(t)
	id := s.importRows(t, "rows.csv", rows(3, 1<<30)+"nobody,BOUNCE\n", types.SuppressionListImportActionPut)
	s.job(t, id, final)

	var list struct{ AddressListId string }
	s.mailManager(t, "CreateAddressList", map[string]any{"AddressListName": "l"}, &list)
	var created struct{ JobId string }
	s.mailManager(t, "CreateAddressListImportJob", map[string]any{
		"AddressListId": list.AddressListId, "Name": "j", "ImportDataFormat": map[string]any{"ImportDataType": "CSV"},
	}, &created)

	names := []string{}
	for _, c := range calls {
		names = append(names, c.OperationID)
	}
	slices.Sort(names)
	if want := slices.Sorted(slices.Values(append(jobs.Operations(), snapshots.Operation))); !slices.Equal(names, want) {
		t.Errorf("the operations are %q, the handlers have %q", names, want)
	}
	for path := range doc.Paths {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH"} {
			i := slices.IndexFunc(calls, func(c call) bool { return c.path == path && c.method == method })
			if i < 0 {
				if status, text := s.own(t, method, path, "none"); status != http.StatusNotFound || !strings.Contains(text, `"UnknownOperation"`) {
					t.Errorf("%s %s is not described; the server answers %d %s, want UnknownOperation", method, path, status, text)
				}
				continue
			}
			if calls[i].OperationID == snapshots.Operation {
				continue // the response does not end; TestBackup takes snapshots
			}
			s.compareCall(t, doc, calls[i], id)
		}
	}
	remove := calls[slices.IndexFunc(calls, func(c call) bool { return c.OperationID == "DeleteJob" })]
	for _, r := range []struct {
		id   string
		want int
	}{{created.JobId, http.StatusConflict}, {id, http.StatusNoContent}} {
		status, text := s.own(t, remove.method, remove.path, r.id)
		if _, ok := remove.Responses[fmt.Sprint(status)]; !ok || status != r.want {
			t.Errorf("%s %s: %d %s, described %t, want %d", remove.method, remove.path, status, text, ok, r.want)
		}
	}
}

// own calls the own API, with an ID in place of {id}.
func (s *server) own(t *testing.T, method, path, id string) (int, string) {
	t.Helper()
	return s.signedCall(t, adminapi.SigningName, method, strings.ReplaceAll(path, "{id}", id), "")
}

// compareCall makes good and bad requests of an operation. Each status must be described,
// and a response that has no body in JSON must not be described as one.
func (s *server) compareCall(t *testing.T, doc document, c call, id string) {
	t.Helper()
	check := func(what string, status int, text string, want ...int) {
		t.Helper()
		r, ok := c.Responses[fmt.Sprint(status)]
		if !ok {
			t.Errorf("%s %s %s: %d %s, a status that is not described", c.method, c.path, what, status, text)
		}
		if len(want) > 0 && !slices.Contains(want, status) {
			t.Errorf("%s %s %s: %d %s, want %v", c.method, c.path, what, status, text, want)
		}
		if name, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); ok {
			r, ok = doc.Components.Responses[name]
			if !ok {
				t.Errorf("%s %s: response %s is missing", c.method, c.path, name)
			}
		}
		var fault adminapi.Fault
		if status >= 400 && (json.Unmarshal([]byte(text), &fault) != nil || fault.Code == "" || fault.Message == "") {
			t.Errorf("%s %s %s: %d %s, want a code and a message", c.method, c.path, what, status, text)
		}
	}
	if status, text := s.plain(t, c.method, c.path); true {
		check("without a signature", status, text, http.StatusForbidden)
	}
	if strings.Contains(c.path, "{id}") {
		status, text := s.own(t, c.method, c.path, "none")
		check("of a job that does not exist", status, text, http.StatusNotFound)
	}
	s.compareParameters(t, doc, c, id, check)
	if c.method == http.MethodDelete {
		return // other calls need the job
	}
	status, text := s.own(t, c.method, c.path, id)
	check("of a job", status, text, http.StatusOK, http.StatusConflict)
}

// compareParameters compares the described parameters with those that the operation
// names when it refuses another, and described values with those that it names.
func (s *server) compareParameters(t *testing.T, doc document, c call, id string, check func(string, int, string, ...int)) {
	t.Helper()
	if len(c.Parameters) == 0 {
		return
	}
	var names []string
	for _, p := range c.Parameters {
		names = append(names, p.Name)
	}
	status, text := s.own(t, c.method, c.path+"?unknown=1", id)
	check("with an unknown parameter", status, text, http.StatusBadRequest)
	if got := oneOf(text); !slices.Equal(got, names) {
		t.Errorf("%s %s has the parameters %q, the server names %q", c.method, c.path, names, got)
	}
	for _, p := range c.Parameters {
		status, text := s.own(t, c.method, c.path+"?"+p.Name+"=%20", id)
		check("with a bad "+p.Name, status, text)
		values := p.Schema
		if values.Items != nil {
			values = *values.Items
		}
		if name, ok := strings.CutPrefix(values.Ref, "#/components/schemas/"); ok {
			values = doc.Components.Schemas[name]
		}
		if got := oneOf(text); got != nil && !slices.Equal(got, values.Enum) {
			t.Errorf("%s %s: the values of %s are %q, the server names %q", c.method, c.path, p.Name, values.Enum, got)
		}
	}
}

// oneOf returns the values that a message lists as allowed.
func oneOf(text string) []string {
	m := regexp.MustCompile(`is not one of ([A-Za-z0-9, ]+)`).FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	return strings.Split(m[1], ", ")
}

// plain sends a request without a signature.
func (s *server) plain(t *testing.T, method, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+strings.ReplaceAll(path, "{id}", "none"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s.do(t, req)
}
