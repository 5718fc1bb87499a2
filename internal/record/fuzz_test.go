package record

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/fault"
)

var (
	wide    = Schema{Fields: []string{"a", "b", "c", "d", "e", "f", "g", "h"}}
	unnamed = Schema{Fields: []string{"no 1", "no 2", "no 3", "no 4", "no 5", "no 6", "no 7", "no 8"}} // no row is taken for a header
)

// FuzzCSV compares with encoding/csv, where that reads the text without complaint and
// both mean the same by it.
func FuzzCSV(f *testing.F) {
	f.Add("a,b\n\"c \"\"d\"\"\",\"e\nf\"\r\n\n,\n")
	f.Add("a,b\"c\"\nd\n")
	f.Fuzz(func(t *testing.T, text string) {
		recs, _, err := readAll(source(text), CSV, unnamed, Position{}, defaultLimits)
		if err != nil {
			if !fault.Is(err, fault.Broken) {
				t.Fatalf("error %v, want Broken", err)
			}
			return
		}
		want, ok := standardCSV(text)
		if !ok {
			return
		}
		if got := brief(recs); !slices.Equal(got, want) {
			t.Errorf("%q:\n got %v\nwant %v", text, got, want)
		}
	})
}

// standardCSV reads text with encoding/csv; false if the two readers differ by design:
// on a CR alone, blanks, texts that are not UTF-8, and quotes that break the format.
func standardCSV(text string) (rows []string, ok bool) {
	alone := strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\r")
	if alone || strings.ContainsAny(text, " \t\x00\ufeff") || strings.Contains(text, "\r\n") && strings.Contains(text, `"`) || !utf8.ValidString(text) {
		return nil, false
	}
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = -1
	r.LazyQuotes = !strings.Contains("\n"+strings.ReplaceAll(text, ",", "\n"), "\n\"") // those within cells alone
	for {
		offset := r.InputOffset()
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, true
		}
		if err != nil || len(cells) > len(wide.Fields) {
			return nil, false
		}
		for text[offset] == '\n' || text[offset] == '\r' {
			offset++ // blank lines
		}
		rec := Record{Line: int64(strings.Count(text[:offset], "\n")) + 1, Offset: offset, Fields: make([]Field, len(wide.Fields))}
		for i, cell := range cells {
			rec.Fields[i] = Field{Text, []byte(cell)}
		}
		rows = append(rows, brief([]got{copyOf(&rec)})...)
	}
}

// FuzzJSON compares with encoding/json: both agree on what is a value, and on the
// members of an object.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"a":"x\u00e4\ud83d\ude00","b":[1,2.5e-3,{"a":null}],"c":true,"a":{}}`))
	f.Add([]byte(`{"\u0061":"\ud800\n"}`))
	f.Add([]byte(`[-0.0,1E5,"",{},[],false]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := jsonScan{want: wide.Fields}
		fields := make([]Field, len(wide.Fields))
		value := bytes.TrimLeft(text, " \t\r\n")
		end, _, o := s.record(value, true, fields)
		sound := o == good && len(bytes.Trim(value[end:], " \t\r\n")) == 0
		if o == deep {
			return
		}
		if valid := json.Valid(text); sound != valid {
			t.Fatalf("%q: sound %t, json.Valid %t", text, sound, valid)
		}
		var want map[string]json.RawMessage
		if !sound || value[0] != '{' || !utf8.Valid(text) || json.Unmarshal(text, &want) != nil {
			return
		}
		for i, name := range wide.Fields {
			if g, w := fields[i], want[name]; !sameMember(g, w) {
				t.Errorf("%q: member %q is %v %q, want %q", text, name, g.Kind, g.Bytes, w)
			}
		}
	})
}

// sameMember reports whether a field is what encoding/json has as the member's text.
func sameMember(f Field, raw json.RawMessage) bool {
	switch {
	case raw == nil:
		return f.Kind == Absent
	case raw[0] == '"':
		var s string
		return json.Unmarshal(raw, &s) == nil && f.Kind == Text && string(f.Bytes) == s
	}
	return f.Kind != Text && f.Kind != Absent && string(f.Bytes) == string(raw)
}

// FuzzSource reads anything as anything: no panic, no endless reading, and only errors
// that say what is wrong with the source.
func FuzzSource(f *testing.F) {
	f.Add([]byte("\x1f\x8b\x08\x00"), true)
	f.Add([]byte("\x28\xb5\x2f\xfd\x00"), false)
	f.Add([]byte("\xff\xfea\x00,\x00"), false)
	f.Add([]byte(`{"items":[{"address":"a"}],"x":1}`), true)
	f.Fuzz(func(t *testing.T, text []byte, isJSON bool) {
		format := CSV
		if isJSON {
			format = JSON
		}
		for _, s := range []Schema{items, twoNamed} {
			_, ends, err := readAll(source(string(text)), format, s, Position{}, tiny)
			if err != nil && !fault.Is(err, fault.Broken) {
				t.Fatalf("error %v, want Broken", err)
			}
			if max := len(text) + 1; len(ends) > max && text[0] != 0x1f && text[0] != 0x28 {
				t.Fatalf("%d records in %d bytes", len(ends), len(text))
			}
		}
	})
}
