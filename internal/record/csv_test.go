package record

import "testing"

var (
	twoPlain    = Schema{Fields: []string{"emailAddress", "reason"}}
	twoNamed    = Schema{Fields: []string{"emailAddress", "attributesData"}, Header: HeaderRequired}
	oneOptional = Schema{Fields: []string{"address"}, Header: HeaderOptional, Starts: func(cell []byte) bool { return string(cell) != "email" && string(cell) != "email;name" }}
)

func TestCSV(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		schema Schema
		text   string
		want   []string
		broken string
	}{
		{"LF", twoPlain, "a,b\nc,d\n", []string{`1@0 "a" "b"`, `2@4 "c" "d"`}, ""},
		{"no line end at the end", twoPlain, "a,b\nc,d", []string{`1@0 "a" "b"`, `2@4 "c" "d"`}, ""},
		{"CR LF", twoPlain, "a,b\r\nc,d\r\n", []string{`1@0 "a" "b"`, `2@5 "c" "d"`}, ""},
		{"CR", twoPlain, "a,b\rc,d\r", []string{`1@0 "a" "b"`, `2@4 "c" "d"`}, ""},
		{"line ends mixed", twoPlain, "a,b\r\rc,d\n\r\ne,f", []string{`1@0 "a" "b"`, `3@5 "c" "d"`, `5@11 "e" "f"`}, ""},
		{"blank lines", twoPlain, "\n\n a,b\n \t\n\nc,d\n\n", []string{`3@2 "a" "b"`, `6@11 "c" "d"`}, ""},
		{"blanks around cells", twoPlain, " a ,\tb\t\n", []string{`1@0 "a" "b"`}, ""},
		{"few cells", twoPlain, "a\nb,\n", []string{`1@0 "a" -`, `2@2 "b" ""`}, ""},
		{"surplus cells", twoPlain, "a,b,c\na,b,,\n", []string{`1@0 !too-many-cells`, `2@6 "a" "b"`}, ""},
		{"empty", twoPlain, "", nil, ""},
		{"only blanks", twoPlain, "\r\n \n", nil, ""},
		{"byte order mark", twoPlain, "\xef\xbb\xbfa,b\n", []string{`1@3 "a" "b"`}, ""},

		{"quotes", twoPlain, "\"a\",\"b,c\"\nd,e\n", []string{`1@0 "a" "b,c"`, `2@10 "d" "e"`}, ""},
		{"quotes doubled", twoPlain, `"a ""b""",""""` + "\n", []string{`1@0 "a \"b\"" "\""`}, ""},
		{"quotes with blanks", twoPlain, " \" a \" ,\t\"b\"\r\n", []string{`1@0 " a " "b"`}, ""},
		{"quotes over lines", twoPlain, "\"a\r\nb\",c\nd,e\n", []string{`1@0 "a\r\nb" "c"`, `3@9 "d" "e"`}, ""},
		{"quotes within a cell", twoPlain, "a@b.c,{\"Name\": \"John\"}\nd,e\n", []string{`1@0 "a@b.c" "{\"Name\": \"John\"}"`, `2@23 "d" "e"`}, ""},
		{"text after quotes", twoPlain, "\"John Doe\"@b.c,\"x,y\" z\n", []string{`1@0 "\"John Doe\"@b.c" "\"x,y\" z"`}, ""},
		{"empty quotes", twoPlain, `"",""`, []string{`1@0 "" ""`}, ""},
		{"quote never closed", twoPlain, "a,b\nc,\"d\ne,f\ng,h", []string{`1@0 "a" "b"`, `2@4 !unclosed-quote`, `3@9 "e" "f"`, `4@13 "g" "h"`}, ""},
		{"quote never closed in the last line", twoPlain, "a,\"b", []string{`1@0 !unclosed-quote`}, ""},
		{"stray quote, then quotes", twoPlain, "a,\"b\nc,d\ne,\"f\"\n", []string{`1@0 !unclosed-quote`, `2@5 "c" "d"`, `3@9 "e" "f"`}, ""},

		{"not UTF-8", twoPlain, "\xe4,b\nc,d\n", []string{`1@0 !bad-encoding`, `2@4 "c" "d"`}, ""},
		{"UTF-8", twoPlain, "ä,b\nc,d\n", []string{`1@0 "ä" "b"`, `2@5 "c" "d"`}, ""},
		{"not UTF-8 in quotes", twoPlain, "\"\xff\",b\nc,d\n", []string{`1@0 !bad-encoding`, `2@6 "c" "d"`}, ""},

		{"names skipped", twoPlain, "emailaddress , Reason\na,b\n", []string{`2@22 "a" "b"`}, ""},
		{"first names skipped", twoPlain, "emailAddress\na,b\n", []string{`2@13 "a" "b"`}, ""},
		{"other names not skipped", twoPlain, "reason,emailAddress\n", []string{`1@0 "reason" "emailAddress"`}, ""},

		{"header", twoNamed, "x,attributesData,EMAILADDRESS\n1,2,3\n4\n", []string{`2@30 "3" "2"`, `3@36 - -`}, ""},
		{"header in quotes", twoNamed, "\xef\xbb\xbf\"emailAddress\",\"x\"\r\na,b\r\n", []string{`2@23 "a" -`}, ""},
		{"header alone", twoNamed, "emailAddress\n", nil, ""},
		{"header alone, no line end", twoNamed, "emailAddress", nil, ""},
		{"header missing", twoNamed, "", nil, `the source is empty; the first row must name the column "emailAddress"`},
		{"header of another kind", twoNamed, "\nemail,name\n", nil, `line 2 (byte 1): no header where one is due: the first row names "email", "name"; the`},
		{"header with other separators", twoNamed, "emailAddress;reason\n", nil, `as one cell, as cells are separated by commas alone`},
		{"header is a record", twoNamed, "joe@example.com,x\n", nil, `the first row has 2 cells, none of which is that name`},
		{"header twice", twoNamed, "emailAddress,emailaddress\n", nil, `names the column "emailAddress" twice`},
		{"header row too wide", twoNamed, "emailAddress,x\na,b,c\n", []string{`2@15 !too-many-cells`}, ""},
		{"optional header there", oneOptional, "name,address\nx,a\n", []string{`2@13 "a"`}, ""},
		{"optional header not there", oneOptional, "a\nb\n", []string{`1@0 "a"`, `2@2 "b"`}, ""},
		{"optional header of another kind", oneOptional, "email\nb\n", nil, `line 1 (byte 0): no header where one is due: the first row names "email"; the`},
		{"optional header, wide row", oneOptional, "a,b\nb\n", []string{`1@0 !too-many-cells`, `2@4 "b"`}, ""},
		{"optional header, source empty", oneOptional, "\n", nil, ""},

		{"ZIP", twoPlain, "PK\x03\x04\x14\x00\x00", nil, "the source is not text: it looks like a ZIP archive or an Excel workbook"},
		{"NUL bytes", twoPlain, "abc\x00,d", nil, "binary data"},
		{"UTF-16 without mark", twoPlain, "a\x00,\x00b\x00\n\x00", nil, "UTF-16 without a byte order mark"},
		{"JSON object", twoPlain, " {\"a\":1}", nil, "the source is not CSV: it looks like JSON"},
		{"JSON array", twoPlain, "[\n{\"a\":1}]", nil, "the source is not CSV: it looks like JSON"},
		{"page", twoPlain, "<?xml version=\"1.0\"?>", nil, "it looks like an XML or HTML page"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			checkRecords(t, tt.text, CSV, tt.schema, tt.want, tt.broken)
		})
	}
}
