package qconnect

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/store"
)

// TestReadResponse knows the fast way by the tags that it leaves out.
func TestReadResponse(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1_700_000_000_123)
	q := destination.QuickResponse{
		Name: "Größe", ShortcutKey: `/"k"`, Content: "<a>\n& \\ \u2028", ContentType: plain, Description: "d", Channels: []string{"Chat", "Email"},
		Language: "de_DE", Active: true, Grouping: &destination.Grouping{Criteria: "c", Values: []string{"v"}}, Input: "i",
	}
	want := response{"id", at, at, q}
	want.Input = ""
	q.Tags = map[string]string{"a": "b", "c": "d"}
	for field, v := range reflect.ValueOf(q).Fields() {
		if v.IsZero() {
			t.Errorf("%s is not in this test: a search has to read it too", field.Name)
		}
	}
	if got := must(readResponse(store.Member{Key: "id", Value: q.Encode(), Created: at, Updated: at})); !reflect.DeepEqual(got, want) {
		t.Errorf("readResponse: %+v, want %+v", got, want)
	}
	if got, err := readResponse(store.Member{Value: []byte(`{"name":"n","extra":[{}], "content":null}`)}); err != nil || got.Name != "n" {
		t.Errorf("readResponse of another form: %+v, %v", got, err)
	}
	if got, err := readResponse(store.Member{Value: []byte(`{"name":`)}); err == nil {
		t.Errorf("readResponse of half a value: %+v, want an error", got)
	}
}

// FuzzReadResponse compares the fast reader with the slow one.
func FuzzReadResponse(f *testing.F) {
	for _, value := range []string{
		`{"name":"n","content":"c","contentType":"t","active":true}`,
		`{"name":"\u003c\n","content":"c","channels":["a","b"],"grouping":{"criteria":"c","values":["v"]},"tags":{"a":"b"},"input":"i"}`,
		`{"name":"a","name":"b","channels":[]}`, `{}`, `{"grouping":{}}`, `{"tags":{}}`, "{\"name\":\"\xff\"}", `{"name":"a","Name":"b"}`,
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		m := store.Member{Key: "id", Value: []byte(value)}
		got, gotErr := readResponse(m)
		if !json.Valid(m.Value) {
			return // it must only not panic
		}
		want, wantErr := responseOf(m)
		if (gotErr == nil) != (wantErr == nil) {
			t.Fatalf("readResponse(%s): %v, want %v", value, gotErr, wantErr)
		}
		got.Tags, got.Input, want.Tags, want.Input = nil, "", nil, ""
		if !reflect.DeepEqual(got, want) {
			t.Errorf("readResponse(%s): %+v, want %+v", value, got, want)
		}
	})
}
