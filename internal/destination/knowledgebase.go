package destination

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/record"
)

// The fields of a quick response's record.
const (
	nameField = iota
	contentField
	contentTypeField
	shortcutField
	descriptionField
	channelsField
	languageField
	activeField
	profilesField
	criteriaField
	valuesField
	responseFields // how many there are
)

// responseColumns names the fields, for JSON and for the sentences about a header.
var responseColumns = []string{
	"name", "content", "contentType", "shortcutKey", "description", "channels", "language", "isActive",
	"routingProfiles", "groupingCriteria", "groupingValues",
}

// The most characters that parts of a quick response have, as in the model of the API:
// https://docs.aws.amazon.com/amazon-q-connect/latest/APIReference/API_CreateQuickResponse.html.
const (
	maxName        = 100
	maxContent     = 1024
	maxShortcut    = 10
	maxDescription = 255
	maxChannel     = 10
	maxCriteria    = 100
	maxValue       = 2048
)

// What stands between several values in one cell. The names of routing profiles may
// have commas in them.
const (
	channelsEnd = ",;|"
	valuesEnd   = ";|"
)

// routingProfiles is the criterion by which routing profiles group quick responses.
var routingProfiles = []byte("RoutingProfileArn")

// knowledgeBase is the rule for the quick responses of a knowledge base. It writes a
// member's value as QuickResponse.Encode does, but as it goes: the first refusal ends
// it.
type knowledgeBase struct {
	job     string
	cells   [responseFields][]byte
	key     []byte
	value   []byte
	unique  []UniqueKey
	names   []byte // of unique
	scratch []byte
	refused *record.Refusal
}

func newKnowledgeBase(job string) *knowledgeBase { return &knowledgeBase{job: job} }

// Schema asks for a header that names at least name and content:
// https://docs.aws.amazon.com/connect/latest/adminguide/add-data.html.
func (k *knowledgeBase) Schema(record.Format) record.Schema {
	return record.Schema{Fields: responseColumns, Header: record.HeaderRequired, Required: 2, Column: responseColumn}
}

// Decide makes a new quick response. Its key comes of the job and the record's place,
// so that a record that is decided again makes the same.
func (k *knowledgeBase) Decide(rec *record.Record, c *Change) *record.Refusal {
	if rec.Refused != nil {
		return rec.Refused
	}
	k.refused = nil
	for i := range k.cells {
		k.cells[i] = k.given(&rec.Fields[i])
	}
	k.encode()
	if k.refused != nil {
		return k.refused
	}
	k.makeKey(rec.Number)
	k.unique, k.names = appendUniqueKeys(k.unique[:0], k.names[:0], k.cells[nameField], k.cells[shortcutField])
	*c = Change{Action: Put, Key: k.key, Value: k.value, Unique: k.unique}
	return nil
}

// given returns the text of a field, empty if it has none. What the template for
// imports has in its cells, such as <*Required field>, is none.
func (k *knowledgeBase) given(f *record.Field) []byte {
	switch f.Kind {
	case record.Absent, record.Null:
		return nil
	case record.Nested:
		k.refuse(nestedValue)
		return nil
	}
	text := bytes.TrimSpace(f.Bytes)
	if bytes.HasPrefix(text, []byte("<*")) && bytes.HasSuffix(text, []byte(">")) {
		return nil
	}
	return text
}

func (k *knowledgeBase) refuse(why *record.Refusal) {
	if k.refused == nil {
		k.refused = why
	}
}

// encode makes the value, with the members of QuickResponse in their order.
func (k *knowledgeBase) encode() {
	k.value = append(k.value[:0], '{')
	k.text("name", nameField, maxName, noName, longName)
	k.text("shortcutKey", shortcutField, maxShortcut, nil, longShortcut)
	k.text("content", contentField, maxContent, noContent, longContent)
	k.choice("contentType", contentTypeField, contentTypes, badContentType)
	k.text("description", descriptionField, maxDescription, nil, longDescription)
	if channels := trimList(k.cells[channelsField], channelsEnd); len(channels) > 0 {
		k.list("channels", channels, channelsEnd, maxChannel, longChannel)
	}
	k.choice("language", languageField, languages, badLanguage)
	k.choice("active", activeField, truths, badActive)
	k.grouping()
	k.value = append(k.value, '}')
}

// member begins a member of the object that is being written.
func (k *knowledgeBase) member(name string) {
	if k.value[len(k.value)-1] != '{' {
		k.value = append(k.value, ',')
	}
	k.value = append(k.value, '"')
	k.value = append(k.value, name...)
	k.value = append(k.value, '"', ':')
}

// text writes a text of so many characters at most. One that is not given is left out,
// or refused if there is a refusal for that.
func (k *knowledgeBase) text(name string, field, most int, missing, long *record.Refusal) {
	text := k.cells[field]
	switch {
	case len(text) == 0 && missing != nil:
		k.refuse(missing)
	case utf8.RuneCount(text) > most:
		k.refuse(long)
	case len(text) > 0:
		k.member(name)
		k.value = appendJSON(k.value, text)
	}
}

// choice writes the JSON that the text of a cell stands for.
func (k *knowledgeBase) choice(name string, field int, values map[string]string, unknown *record.Refusal) {
	k.scratch = casefold(k.scratch[:0], k.cells[field])
	meant, ok := values[string(k.scratch)]
	if !ok {
		k.refuse(unknown)
		return
	}
	k.member(name)
	k.value = append(k.value, meant...)
}

// list writes the texts of a cell, which has at least one.
func (k *knowledgeBase) list(name string, cell []byte, ends string, most int, long *record.Refusal) {
	k.member(name)
	end := byte('[')
	for len(cell) > 0 {
		text := cell
		if i := bytes.IndexAny(cell, ends); i >= 0 {
			text = bytes.TrimSpace(cell[:i])
		}
		if utf8.RuneCount(text) > most {
			k.refuse(long)
			return
		}
		k.value = appendJSON(append(k.value, end), text)
		end = ','
		cell = trimList(cell[len(text):], ends)
	}
	k.value = append(k.value, ']')
}

// trimList cuts white space and separators from both ends of a list.
func trimList(cell []byte, ends string) []byte {
	return bytes.TrimFunc(cell, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(ends, r) })
}

// grouping writes to whom the quick response is shown, if anything says so.
func (k *knowledgeBase) grouping() {
	criteria := k.cells[criteriaField]
	profiles, values := trimList(k.cells[profilesField], valuesEnd), trimList(k.cells[valuesField], valuesEnd)
	switch {
	case len(profiles) > 0 && len(criteria)+len(values) > 0:
		k.refuse(twoGroupings)
	case len(profiles) > 0:
		criteria, values = routingProfiles, profiles
	case len(criteria)+len(values) == 0:
		return
	case len(criteria) == 0 || len(values) == 0:
		k.refuse(halfGrouping)
	case utf8.RuneCount(criteria) > maxCriteria:
		k.refuse(longGrouping)
	}
	if k.refused != nil {
		return
	}
	k.member("grouping")
	k.value = append(k.value, '{')
	k.member("criteria")
	k.value = appendJSON(k.value, criteria)
	k.list("values", values, valuesEnd, maxValue, longGrouping)
	k.value = append(k.value, '}')
}

// makeKey makes a UUID of version 8, RFC 9562 §5.8: the beginning of the SHA-256 of
// the job's id, a slash and the record's number.
func (k *knowledgeBase) makeKey(number int64) {
	k.scratch = append(append(k.scratch[:0], k.job...), '/')
	k.scratch = strconv.AppendInt(k.scratch, number, 10)
	id := sha256.Sum256(k.scratch)
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	var digits [32]byte
	hex.Encode(digits[:], id[:16])
	k.key = append(k.key[:0], digits[:8]...)
	for i := 8; i < 20; i += 4 {
		k.key = append(append(k.key, '-'), digits[i:i+4]...)
	}
	k.key = append(append(k.key, '-'), digits[20:]...)
}
