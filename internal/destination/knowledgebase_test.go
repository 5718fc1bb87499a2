package destination

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/record"
)

var quickResponses = Target{Kind: QuickResponses, Action: Put, Job: "0f3c"}

// responses reads a source of quick responses and gives what became of each record: the
// value, or the code after an exclamation mark.
func responses(t *testing.T, format record.Format, text string) []string {
	t.Helper()
	rule, err := NewRule(quickResponses)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	eachRecord(t, rule, format, text, func(rec *record.Record) {
		var c Change
		if r := rule.Decide(rec, &c); r != nil {
			all = append(all, "!"+r.Code)
			return
		}
		all = append(all, string(c.Value))
		if q, err := DecodeQuickResponse(c.Value); err != nil || !reflect.DeepEqual(c.Unique, q.UniqueKeys()) {
			t.Errorf("unique keys %v of %s, %v; want %v, those of its value", c.Unique, c.Value, err, q.UniqueKeys())
		}
	})
	return all
}

// one is the quick response of a source that has one record.
func one(t *testing.T, text string) QuickResponse {
	t.Helper()
	all := responses(t, record.CSV, text)
	if len(all) != 1 {
		t.Fatalf("%q: %d records, want one", text, len(all))
	}
	q, err := DecodeQuickResponse([]byte(all[0]))
	if err != nil {
		t.Fatalf("%q: %s, %v", text, all[0], err)
	}
	if again := q.Encode(); string(again) != all[0] {
		t.Errorf("%q:\nvalue  %s\nEncode %s", text, all[0], again)
	}
	return q
}

func TestQuickResponses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		text string
		want QuickResponse
	}{
		{
			"every column",
			"name,content,contentType,shortcutKey,description,channels,language,isActive,routingProfiles\n" +
				"Hello,\"Hi, {{name}}\n<b>\",markdown,hi,\"says \"\"hi\"\"\",\"Chat,Email\",de_DE,no,Basic; Night shift\n",
			QuickResponse{
				Name: "Hello", ShortcutKey: "hi", Content: "Hi, {{name}}\n<b>", ContentType: Markdown, Description: `says "hi"`,
				Channels: []string{"Chat", "Email"}, Language: "de_DE", Grouping: &Grouping{"RoutingProfileArn", []string{"Basic", "Night shift"}},
			},
		},
		{
			"another grouping",
			"Grouping criteria,Grouping values,Content,Name\nTeam,red|green;blue,x,ä\u2028&\n",
			QuickResponse{Name: "ä\u2028&", Content: "x", ContentType: PlainText, Language: "en_US", Active: true, Grouping: &Grouping{"Team", []string{"red", "green", "blue"}}},
		},
		{
			"the most characters",
			"name,content,description,shortcut,channel\n" + strings.Repeat("ä", 100) + "," + strings.Repeat("😀", 1024) + "," + strings.Repeat("d", 255) + "," + strings.Repeat("ß", 10) + "," + strings.Repeat("é", 10) + "\n",
			QuickResponse{
				Name: strings.Repeat("ä", 100), Content: strings.Repeat("😀", 1024), Description: strings.Repeat("d", 255), ShortcutKey: strings.Repeat("ß", 10),
				Channels: []string{strings.Repeat("é", 10)}, ContentType: PlainText, Language: "en_US", Active: true,
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := one(t, tt.text); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestBadQuickResponses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ columns, row, code string }{
		{"x", "", ""}, // the rows below are good but for one cell
		{"content,x", "a,", "no-name"},
		{"x", strings.Repeat("ä", 101), "name-length"},
		{"description", strings.Repeat("a", 256), "description-length"},
		{"shortcut key", strings.Repeat("a", 11), "shortcut-key-length"},
		{"channels", "Chat;" + strings.Repeat("a", 11), "channel-length"},
		{"content type", "html", "unknown-content-type"},
		{"language", "en", "unknown-language"},
		{"language", "xx_XX", "unknown-language"},
		{"active", "perhaps", "is-active"},
		{"active", "-1", "is-active"},
		{"grouping values", "a", "half-a-grouping"},
		{"grouping criteria", "a", "half-a-grouping"},
		{"grouping criteria,grouping values", strings.Repeat("a", 101) + ",a", "grouping-length"},
		{"routing profile", "a;" + strings.Repeat("a", 2049), "grouping-length"},
		{"routing profile,grouping criteria", "a,b", "two-groupings"},
		{"routing profile,grouping values", "a,b", "two-groupings"},
	} {
		text := "name,content," + tt.columns + "\nn,c," + tt.row + "\n"
		switch tt.code {
		case "no-name":
			text = "name,content\n,c\n"
		case "name-length":
			text = "name,content\n" + tt.row + ",c\n"
		}
		want := "!" + tt.code
		if got := responses(t, record.CSV, text); len(got) != 1 || got[0] != want && tt.code != "" || tt.code == "" && got[0][0] != '{' {
			t.Errorf("%q: %v, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"name,content\nn,\n": "!no-content",
		"name,content\nn\n":  "!no-content",
		"name,content\nn," + strings.Repeat("a", 1025) + "\n": "!content-length",
		"name,content\nn,c,d\n":                               "!too-many-cells",
	} {
		if got := responses(t, record.CSV, text); len(got) != 1 || got[0] != want {
			t.Errorf("%q: %v, want %s", text, got, want)
		}
	}
}

func TestD61_QuickResponseColumns(t *testing.T) {
	t.Parallel()
	want := QuickResponse{
		Name: "n", Content: "c", ContentType: Markdown, ShortcutKey: "s", Description: "d", Channels: []string{"Chat"}, Language: "fr_FR",
		Grouping: &Grouping{"RoutingProfileArn", []string{"Basic"}},
	}
	const row = "n,c,markdown,s,d,Chat,fr_FR,false,Basic\n"
	for _, header := range []string{
		"name,content,contentType,shortcutKey,description,channels,language,isActive,routingProfiles",
		"Name,Content,Content type,Shortcut key,Description,Channel,Language,Is active,Routing Profile",
		"NAME,CONTENT,FORMAT,SHORTCUT,DESCRIPTION,CHANNELS,LANGUAGE,STATUS,ROUTING_PROFILES",
		"Name <*Required field>,Content <*Required field>,content-type,shortcut_key (10 at most),description,channel(s),Language Code,active*,Routing profile(s)",
	} {
		if got := one(t, header+"\n"+row); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", header, got, want)
		}
	}
	if got := one(t, "notes,Content,tags,Name\nx,c,y,n\n"); got.Name != "n" || got.Content != "c" {
		t.Errorf("other columns between: %+v", got)
	}
	for header, want := range map[string]string{
		"name,text\nn,c\n":                 `the first row must name the column "content"`,
		"title,content\nn,c\n":             `the first row must name the column "name"`,
		"name,content,active,status\nn,c,": `names the column "isActive" twice`,
	} {
		_, err := decideAll(t, quickResponses, record.CSV, header)
		if !fault.Is(err, fault.Broken) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want Broken with %s", header, err, want)
		}
	}
}

func TestD62_QuickResponseCells(t *testing.T) {
	t.Parallel()
	const rest = ",contentType,language,active,channels\nn,c,"
	for cells, want := range map[string]QuickResponse{
		"plain,en-US,true,Chat":                            {ContentType: PlainText, Language: "en_US", Active: true, Channels: []string{"Chat"}},
		"Plain text,EN_us,YES,Chat;Email":                  {ContentType: PlainText, Language: "en_US", Active: true, Channels: []string{"Chat", "Email"}},
		"Markdown,pt-br,1,\"Chat, Email\"":                 {ContentType: Markdown, Language: "pt_BR", Active: true, Channels: []string{"Chat", "Email"}},
		PlainText + ",zh_tw,Active,Chat | SMS|":            {ContentType: PlainText, Language: "zh_TW", Active: true, Channels: []string{"Chat", "SMS"}},
		"application/x.quickresponse; format=markdown,,0,": {ContentType: Markdown, Language: "en_US"},
		",,Inactive,;":                                     {ContentType: PlainText, Language: "en_US"},
		",ja_JP,FALSE,":                                    {ContentType: PlainText, Language: "ja_JP"},
	} {
		want.Name, want.Content = "n", "c"
		if got := one(t, "name,content"+rest+cells+"\n"); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", cells, got, want)
		}
	}
}

func TestD63_QuickResponseDefaults(t *testing.T) {
	t.Parallel()
	want := QuickResponse{Name: "n", Content: "c", ContentType: PlainText, Language: "en_US", Active: true}
	for _, text := range []string{
		"name,content\nn,c\n",
		"name,content,content type,language,is active,channels,description,shortcut key,routing profile\nn,c,,,,,,,\n",
	} {
		if got := one(t, text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

func TestD64_RoutingProfilesAsGiven(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:connect:eu-west-1:123456789012:instance/a/routing-profile/b"
	got := one(t, "name,content,routing profile\nn,c,\"Sales, Spain ; "+arn+"|basic\"\n")
	want := &Grouping{Criteria: "RoutingProfileArn", Values: []string{"Sales, Spain", arn, "basic"}}
	if !reflect.DeepEqual(got.Grouping, want) {
		t.Errorf("routing profiles: %+v, want %+v", got.Grouping, want)
	}
}

// TestD65_ImportsMakeNewResponses: each record has a key of its own, the same whenever
// it is decided, and claims its name and shortcut key, which the stores keep unique.
func TestD65_ImportsMakeNewResponses(t *testing.T) {
	t.Parallel()
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for _, job := range []string{"a", "b", "a/1"} {
		rule, err := NewRule(Target{Kind: QuickResponses, Action: Put, Job: job})
		if err != nil {
			t.Fatal(err)
		}
		for _, number := range []int64{1, 2, 11} {
			key := keyOf(t, rule, number)
			if !uuid.MatchString(key) || seen[key] {
				t.Errorf("job %s, record %d: key %s is no UUID of version 8, or that of another record", job, number, key)
			}
			if again := keyOf(t, rule, number); again != key {
				t.Errorf("job %s, record %d: key %s, when decided again %s", job, number, key, again)
			}
			seen[key] = true
		}
	}
}

func TestUniqueKeys(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]UniqueKey{
		"n,c,s":                       {{[]byte("name n"), takenName}, {[]byte("shortcut s"), takenShortcut}},
		"n,c,":                        {{[]byte("name n"), takenName}},
		`" <ü> ",c,"""` + "\u2028x\"": {{[]byte("name <ü>"), takenName}, {[]byte("shortcut \"\u2028x"), takenShortcut}},
	} {
		if got := one(t, "name,content,shortcut\n"+text+"\n").UniqueKeys(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: unique keys %v, want %v", text, got, want)
		}
	}
	got, _ := appendUniqueKeys(nil, nil, []byte("a\xff\xfeb"), nil)
	if want := "name a\uFFFD\uFFFDb"; string(got[0].Key) != want {
		t.Errorf("unique key of bytes that are not UTF-8: %q, want %q", got[0].Key, want)
	}
}

func keyOf(t *testing.T, rule Rule, number int64) string {
	t.Helper()
	var c Change
	rec := record.Record{Number: number, Fields: make([]record.Field, responseFields)}
	rec.Fields[nameField], rec.Fields[contentField] = text("n"), text("c")
	if r := rule.Decide(&rec, &c); r != nil {
		t.Fatalf("refused: %s", r.Code)
	}
	return string(c.Key)
}

func TestD66_BlanksAndMarkers(t *testing.T) {
	t.Parallel()
	got := one(t, "name,content,language,description,channels\n\" n\u00a0\",\"\n c \",\" en_US\",<*Optional field>,\"\tChat \"\n")
	want := QuickResponse{Name: "n", Content: "c", ContentType: PlainText, Language: "en_US", Active: true, Channels: []string{"Chat"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("blanks: %+v, want %+v", got, want)
	}
	if got := responses(t, record.CSV, "name,content\n<*Required field>,<*Required field>\nn,<*Required field>\nn,<*>x\n"); strings.Join(got[:2], " ") != "!no-name !no-content" || got[2][0] != '{' {
		t.Errorf("markers: %v", got)
	}
}

func TestQuickResponsesAsJSON(t *testing.T) {
	t.Parallel()
	got := responses(t, record.JSON, `[{"name":"n","content":"c","isActive":false,"channels":"Chat;SMS","language":null},{"name":"n","content":"c","channels":["Chat"]},{"Name":"n","content":"c"}]`)
	want := QuickResponse{Name: "n", Content: "c", ContentType: PlainText, Language: "en_US", Channels: []string{"Chat", "SMS"}}
	if len(got) != 3 || got[0] != string(want.Encode()) || got[1] != "!nested-value" || got[2] != "!no-name" {
		t.Errorf("got %v", got)
	}
}

// FuzzQuickResponses reads anything as quick responses: what is accepted is the value
// that Encode would make of it.
func FuzzQuickResponses(f *testing.F) {
	f.Add("name,content,channels,active,language,routing profile\nn,\"<c>\u2028\x01\",Chat;Email,no,de-de,a|b\n")
	f.Add("name,content,grouping criteria,grouping values,shortcut,description\nn,c,a,b;;c,s,d\n")
	f.Fuzz(func(t *testing.T, source string) {
		rule, err := NewRule(quickResponses)
		if err != nil {
			t.Fatal(err)
		}
		eachRecord(t, rule, record.CSV, source, func(rec *record.Record) {
			var c Change
			if rule.Decide(rec, &c) != nil {
				return
			}
			q, err := DecodeQuickResponse(c.Value)
			if err != nil || string(q.Encode()) != string(c.Value) {
				t.Errorf("%q: value %s reads as %+v, %v", source, c.Value, q, err)
			}
		})
	})
}

// FuzzJSONText compares with encoding/json.
func FuzzJSONText(f *testing.F) {
	f.Add("a\"\\\b\f\n\r\t\x00\x1f\x7f<>&ä\u2028\u2029\ufffd\xff😀")
	f.Fuzz(func(t *testing.T, text string) {
		want, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendJSON(nil, []byte(text)); string(got) != string(want) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	})
}
