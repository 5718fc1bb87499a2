package record

import "testing"

var (
	members = Schema{Fields: []string{"emailAddress", "reason"}}
	items   = Schema{Fields: []string{"address"}, Items: "items", Bare: true}
)

func TestJSON(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		schema Schema
		text   string
		want   []string
		broken string
	}{
		{"one a line", members, "{\"emailAddress\":\"a\",\"reason\":\"b\"}\r\n\r\n{\"emailAddress\":\"c\"}\r\n", []string{`1@0 "a" "b"`, `3@37 "c" -`}, ""},
		{"over several lines", members, "{\n \"emailAddress\" : \"a\"\n}\n{\n}", []string{`1@0 "a" -`, `4@26 - -`}, ""},
		{"without line ends", members, "{\"reason\":\"b\"}{}", []string{`1@0 - "b"`, `1@14 - -`}, ""},
		{"array", members, "[{\"reason\":\"b\"},\n{}]\n", []string{`1@1 - "b"`, `2@17 - -`}, ""},
		{"empty array", members, " [ ] ", nil, ""},
		{"empty", members, "", nil, ""},
		{"only white space", members, " \n\r\n", nil, ""},
		{
			"kinds",
			Schema{Fields: []string{"a", "b", "c", "d", "e", "f"}},
			`{"a":true,"b":-1.5e+3,"c":null,"d":[1,{"x":"]"}],"e":{"a":"}"},"f":""}`,
			[]string{`1@0 bool:true number:-1.5e+3 null:null nested:[1,{"x":"]"}] nested:{"a":"}"} ""`},
			"",
		},
		{"escapes", members, `{"reason":"\u00e4\ud83d\ude00\n\"\/\\","email\u0041ddress":"a"}`, []string{`1@0 "a" "ä😀\n\"/\\"`}, ""},
		{"lone surrogate", members, `{"reason":"\ud83dx"}`, []string{`1@0 - "�x"`}, ""},
		{"last of two members", members, `{"reason":"a","reason":"b"}`, []string{`1@0 - "b"`}, ""},
		{"escaped NUL", members, `{"reason":"\u0000"}`, []string{`1@0 !nul-byte`}, ""},
		{"not UTF-8", members, "{\"reason\":\"\xff\"}\n{}", []string{`1@0 !bad-encoding`, `2@15 - -`}, ""},
		{"other values", members, "1\n{}\n\"x\"\n[{}]\n", nil, "the source is not JSON: it looks like CSV"},
		{"other values later", members, "{}\n1\n\"x\"\n[{}]\ntrue", []string{`1@0 - -`, `2@3 !not-an-object`, `3@5 !not-an-object`, `4@9 !not-an-object`, `5@14 !not-an-object`}, ""},
		{"bad line", members, "{}\n{\"reason\":}\n{}\n", []string{`1@0 - -`, `2@3 !bad-json`, `3@15 - -`}, ""},
		{"bad first line", members, "{\"reason\":}\n{}\n", []string{`1@0 !bad-json`, `2@12 - -`}, ""},
		{"last line cut off", members, "{}\n{\"reason\":", []string{`1@0 - -`, `2@3 !bad-json`}, ""},
		{"commas after lines", members, "{},\n{},\n", []string{`1@0 - -`, `2@4 - -`}, ""},
		{"broken over several lines", members, "{\n}\n{\n\"reason\" \"x\"\n}\n", []string{`1@0 - -`}, "line 4 (byte 15): the JSON is broken here, in the record that begins at line 3"},
		{"cut off over several lines", members, "{\n}\n{\n\"reason\"", []string{`1@0 - -`}, "the source ends in the middle of the JSON value that begins at line 3"},
		{"broken array", members, "[{},\n{\"a\":b}]", []string{`1@1 - -`}, "line 2 (byte 10): the JSON is broken"},
		{"array cut off", members, "[{},\n{}", []string{`1@1 - -`, `2@5 - -`}, "the source ends in the middle of the JSON, at line 2 (byte 7)"},
		{"array without comma", members, "[{} {}]", []string{`1@1 - -`}, "a comma or the end of the array is due"},
		{"text after array", members, "[{}]\nx", []string{`1@1 - -`}, "line 2 (byte 5): more text follows the end of the JSON array"},
		{"array of anything", members, "[1,\"a\",[],{}]", []string{`1@1 !not-an-object`, `1@3 !not-an-object`, `1@7 !not-an-object`, `1@10 - -`}, ""},
		{"NUL in white space", members, "[{}\x00]", nil, "not text"},

		{"items", items, `{"items":[{"address":"a"},"b"]}`, []string{`1@10 "a"`, `1@26 "b"`}, ""},
		{"items among members", items, "{\"x\":{\"items\":[1]},\n\"items\" : [\n{\"address\":\"a\"}\n] , \"y\":[1]}\n", []string{`3@32 "a"`}, ""},
		{"no items", items, `{"items":[]}`, nil, ""},
		{"items twice", items, `{"items":[],"items":["a"]}`, []string{`1@21 "a"`}, ""},
		{"items in many arrays", items, `{"items":[]` + repeat(`,"items":[]`, 1000) + `,"items":["a"]}`, []string{`1@11021 "a"`}, ""},
		{"items cut off", items, `{"items":["a"]`, []string{`1@10 "a"`}, "the source ends in the middle of the JSON"},
		{"items, member broken", items, `{"items":["a"],x}`, []string{`1@10 "a"`}, `a member of the object that holds "items" is due here`},
		{"strings", items, "[\"a\",\n\"b\\u0041\"]", []string{`1@1 "a"`, `2@6 "bA"`}, ""},
		{"strings, one a line", items, "\"a\"\n\"b\"\nc\n", []string{`1@0 "a"`, `2@4 "b"`, `3@8 !bad-json`}, ""},
		{"objects instead of items", items, "{\"address\":\"a\"}\n{\"address\":\"b\"}", []string{`1@0 "a"`, `2@16 "b"`}, ""},
		{"first object broken", items, "{\"address\":a}\n{\"address\":\"b\"}", []string{`1@0 !bad-json`, `2@14 "b"`}, ""},

		{"deep", members, "[" + repeat("[", 70) + repeat("]", 70) + ",{}]", []string{`1@1 !too-deep`, `1@142 - -`}, ""},
		{"deep line", members, "{}\n" + repeat("[", 70) + "\n{}", []string{`1@0 - -`, `2@3 !too-deep`, `3@74 - -`}, ""},
		{"CSV", members, "a@example.com,BOUNCE\n", nil, "the source is not JSON: it looks like CSV or other plain text"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			checkRecords(t, tt.text, JSON, tt.schema, tt.want, tt.broken)
		})
	}
}
