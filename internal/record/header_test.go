package record

import (
	"slices"
	"strings"
	"testing"
)

var withOthers = Schema{Fields: []string{"id", "topic.News", "topic.news", "topic.*"}, Header: HeaderRequired}

func TestColumns(t *testing.T) {
	t.Parallel()
	synonyms := Schema{Fields: []string{"name", "content"}, Header: HeaderRequired, Required: 2, Column: func(name string) string {
		return map[string]string{"title": "name", "text": "CONTENT"}[name]
	}}
	for _, tt := range []struct {
		name   string
		schema Schema
		text   string
		want   []string
		broken string
	}{
		{"the very name first", withOthers, "topic.news,ID,topic.News\na,b,c\n", []string{`2@25 "b" "c" "a" -`}, ""},
		{"other letters", withOthers, "id,TOPIC.NEWS\na,b\n", []string{`2@14 "a" "b" - -`}, ""},
		{"two for one", withOthers, "id,topic.news,topic.news\n", nil, `names the column "topic.news" twice`},
		{"two for one, in other letters", withOthers, "id,topic.News,Topic.NEWS\n", nil, `names the column "topic.News" twice`},
		{"other columns", withOthers, "id,topic.a,x,Topic.B,topic.\na,,1,,\nb,c\nd,e,2,f,\ng,h,,\"\",\"\"\ni,j,,k,\" \"\n", []string{`2@28 "a" - - -`, `3@35 "b" - - "c"`, `4@39 "d" - - "f"`, `5@48 "g" - - "h"`, `6@59 "i" - - "k"`}, ""},
		{"other columns as fields", withOthers, "id,topic.*\na,b\n", []string{`2@11 "a" - - "b"`}, ""},
		{"by another name", synonyms, "text,title,name\na,b,c\n", []string{`2@16 "b" "a"`}, ""},
		{"by another name, missing", synonyms, "title,words\na,b\n", nil, `the first row names "title", "words"; the first row must name the column "content"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			checkRecords(t, tt.text, CSV, tt.schema, tt.want, tt.broken)
		})
	}
}

// TestLayouts: a layout means the same when the fields have changed, and those of the
// first release are read as well.
func TestLayouts(t *testing.T) {
	t.Parallel()
	long := "topic." + strings.Repeat("x", 300)
	for _, tt := range []struct {
		name   string
		schema Schema
		text   string
		layout string
	}{
		{"no header", twoPlain, "a,b\nc\n", "plain csv"},
		{"names in order", twoPlain, "emailAddress,reason\na,b\n", "plain csv"},
		{"empty", twoPlain, "", "plain csv"},
		{"names", withOthers, "x,ID,topic.NEWS,topic.\"a\",Topic.b," + long + "\n", `plain csv ["","id","topic.News","topic.\"a\"","Topic.b","topic."]`},
	} {
		points, _, err := readPoints(source(tt.text), CSV, tt.schema, Position{}, defaultLimits)
		if end := points[len(points)-1].at; err != nil || end.Layout != tt.layout {
			t.Errorf("%s: layout %s, error %v, want %s", tt.name, end.Layout, err, tt.layout)
		}
	}
	more := Schema{Fields: []string{"id", "topic.a", "topic.New", "topic.*"}, Header: HeaderRequired}
	fewer := Schema{Fields: []string{"id", "topic.*"}, Header: HeaderRequired}
	const text = "1,2,3,4,5\n"
	for _, tt := range []struct {
		schema Schema
		layout string
		want   string // empty: refused
	}{
		{withOthers, `plain csv ["topic.news","","id","topic.a","Topic.b"]`, `1@0 "3" - "1" "5"`},
		{more, `plain csv ["topic.news","","id","topic.a","Topic.b"]`, `1@0 "3" "4" - "5"`},
		{fewer, `plain csv ["topic.news","","id"]`, `1@0 !too-many-cells`},
		{wide, `plain csv`, `1@0 "1" "2" "3" "4" "5" - - -`},
		{wide, `plain csv 1,-,0,-,7`, `1@0 "3" "1" - - - - - "5"`},
		{withOthers, `plain csv 0,1,2,-,3`, ""},
		{wide, `plain csv 0,8`, ""},
		{wide, `plain csv x`, ""},
		{wide, `plain csv ["a"`, ""},
		{wide, `plain json lines`, ""},
	} {
		recs, _, err := readAll(source(text), CSV, tt.schema, Position{Layout: tt.layout}, defaultLimits)
		if got := brief(recs); tt.want == "" && err == nil || tt.want != "" && (err != nil || !slices.Equal(got, []string{tt.want})) {
			t.Errorf("layout %s: %v, error %v, want %s", tt.layout, got, err, tt.want)
		}
	}
}
