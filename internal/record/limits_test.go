package record

import (
	"strconv"
	"strings"
	"testing"
)

func TestLongRecords(t *testing.T) {
	t.Parallel()
	full, over := strings.Repeat("x", MaxRecord), strings.Repeat("x", MaxRecord+1)
	huge := strings.Repeat("x", 3*MaxRecord)
	for _, tt := range []struct {
		name   string
		format Format
		schema Schema
		text   string
		want   []string // code or length of the first field, for each record
		broken string
	}{
		{"CSV at the limit", CSV, twoPlain, "a\n" + full + "\nb\n", []string{"1", "1048576", "1"}, ""},
		{"CSV over the limit", CSV, twoPlain, "a\n" + over + "\nb\n", []string{"1", "too-long", "1"}, ""},
		{"CSV over the limit, last", CSV, twoPlain, "a\n" + over, []string{"1", "too-long"}, ""},
		{"CSV far over the limit, first", CSV, twoPlain, huge + "\r\nb\n", []string{"too-long", "1"}, ""},
		{"CSV far over the limit as header", CSV, twoNamed, huge + "\r\nb\n", nil, "no header where one is due: the record is longer than 1 MiB"},
		{"CSV with too many columns", CSV, twoNamed, "emailAddress,reason" + strings.Repeat(",x", 1023) + "\n", nil, "no header where one is due: the row names more than 1024 columns"},
		{"quotes at the limit", CSV, twoPlain, `"` + full[2:] + "\"\nb\n", []string{"1048574", "1"}, ""},
		{"quotes over the limit", CSV, twoPlain, `"` + full[1:] + "\"\nb\n", []string{"too-long", "1"}, ""},
		{"quotes over lines and the limit", CSV, twoPlain, "\"a\n" + full + "\"\nb\n", []string{"unclosed-quote", "too-long", "1"}, ""},
		{"quote never closed", CSV, twoPlain, "\"a\n" + strings.Repeat("b\n", MaxRecord), nil, ""},
		{"JSON line over the limit", JSON, members, "{}\n\"" + over + "\"\n{}\n", []string{"0", "too-long", "0"}, ""},
		{"JSON line over the limit, not closed", JSON, members, "{}\n\"" + over + "\n{}\n", []string{"0", "too-long", "0"}, ""},
		{"element over the limit", JSON, items, `["` + huge + `","b",{"x":"` + over + `"},"ccc"]`, []string{"too-long", "1", "too-long", "3"}, ""},
		{"number over the limit", JSON, items, "{\n}\n" + strings.Repeat("9", MaxRecord+1) + `"b"`, []string{"0", "too-long", "1"}, ""},
		{"blank line over the limit", CSV, twoPlain, "a\n" + strings.Repeat(" ", MaxRecord+1) + "\nb\n", []string{"1", "too-long", "1"}, ""},
		{"blank line at the limit", CSV, twoPlain, "a\n" + strings.Repeat(" ", MaxRecord) + "\nb\n", []string{"1", "1"}, ""},
		{"element over the limit by one, cut off", JSON, items, `["b","` + full, []string{"1", "too-long"}, "the source ends in the middle of the JSON value that begins at line 1"},
		{"element at the limit, cut off", JSON, items, `["b","` + full[1:], []string{"1"}, "the source ends in the middle of the JSON value that begins at line 1"},
		{"quotes over lines and over the limit by two, last", CSV, twoPlain, "a\n\"b\n" + full[2:] + "\"", []string{"1", "unclosed-quote", "1048575"}, ""},
		{"element over the limit, cut off", JSON, items, `["b","` + huge, []string{"1", "too-long"}, "the source ends in the middle of the JSON value that begins at line 1"},
		{"members before items over the limit", JSON, items, `{"x":"` + over + `","items":[]}`, nil, `the object does not name "items" within its first 1 MiB`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, err := Open(source(tt.text), tt.format, tt.schema, Position{}, 0)
			var got []string
			if err == nil {
				defer d.Close()
				for rec, e := range d.Records() {
					if e != nil {
						err = e
						break
					}
					if rec == nil {
						continue
					}
					got = append(got, codeOrLength(rec))
					if len(rec.Raw) > MaxRecord {
						t.Errorf("record %d has %d bytes of raw text", rec.Number, len(rec.Raw))
					}
				}
			}
			if tt.broken == "" && err != nil || tt.broken != "" && (err == nil || !strings.Contains(err.Error(), tt.broken)) {
				t.Errorf("error %v, want %q", err, tt.broken)
			}
			if tt.want == nil && tt.broken == "" { // too many to list
				if len(got) != 1+MaxRecord || got[0] != "unclosed-quote" || got[1] != "1" {
					t.Errorf("%d records, beginning with %v; want one unclosed-quote and %d more", len(got), got[:2], MaxRecord)
				}
				return
			}
			if strings.Join(got, " ") != strings.Join(tt.want, " ") {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func codeOrLength(rec *Record) string {
	if rec.Refused != nil {
		return rec.Refused.Code
	}
	return strconv.Itoa(len(rec.Fields[0].Bytes))
}
