package destination

import (
	"strconv"
	"strings"
)

// casefold appends text to dst in the form in which texts are compared: in small letters,
// without blanks, underscores, hyphens, dots and stars. A hyphen at its beginning stays:
// it may be a minus.
func casefold(dst, text []byte) []byte {
	for i, c := range text {
		switch {
		case c == '-' && i == 0:
			dst = append(dst, c)
		case isSpace(c) || strings.IndexByte("_-.*", c) >= 0:
		case c >= 'A' && c <= 'Z':
			dst = append(dst, c|0x20)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// columnSpellings are names, as casefold makes them, for columns of quick responses. The
// names that AWS's template for imports has are not published.
var columnSpellings = map[string]int{
	"name": nameField,

	"content": contentField,

	"contenttype": contentTypeField,
	"format":      contentTypeField,

	"shortcutkey": shortcutField,
	"shortcut":    shortcutField,

	"description": descriptionField,

	"channels": channelsField,
	"channel":  channelsField,

	"language":     languageField,
	"languagecode": languageField,

	"isactive": activeField,
	"active":   activeField,
	"status":   activeField,

	"routingprofiles":    profilesField,
	"routingprofile":     profilesField,
	"routingprofilename": profilesField,
	"routingprofilearn":  profilesField,
	"routingprofilearns": profilesField,

	"groupingcriteria":              criteriaField,
	"groupingconfigurationcriteria": criteriaField,

	"groupingvalues":              valuesField,
	"groupingvalue":               valuesField,
	"groupingconfigurationvalues": valuesField,
}

// responseColumn returns the name of the field that a column is for. What stands in
// angle brackets or parentheses is a remark, such as <*Required field>.
func responseColumn(name string) string {
	text := name
	if i := strings.IndexAny(text, "<("); i >= 0 {
		text = text[:i]
	}
	if f, ok := columnSpellings[string(casefold(nil, []byte(text)))]; ok {
		return responseColumns[f]
	}
	return name
}

// The content types.
const (
	PlainText = "application/x.quickresponse;format=plain"
	Markdown  = "application/x.quickresponse;format=markdown"
)

// Languages are the codes of those that a quick response can be in, see
// https://docs.aws.amazon.com/amazon-q-connect/latest/APIReference/API_CreateQuickResponse.html.
var Languages = []string{
	"de_DE", "en_US", "es_ES", "fr_FR", "id_ID", "it_IT", "ja_JP", "ko_KR", "pt_BR", "zh_CN", "zh_TW",
}

// DefaultLanguage is that of a quick response for which none is given.
const DefaultLanguage = "en_US"

// What texts in the cells of quick responses stand for in JSON, and what an empty cell does.
var (
	contentTypes = choices(map[string]string{
		"": PlainText, PlainText: PlainText, "plain": PlainText, "plain text": PlainText,
		Markdown: Markdown, "markdown": Markdown,
	})
	languages = languageChoices()
	truths    = map[string]string{
		"":     "true",
		"true": "true", "yes": "true", "1": "true", "active": "true",
		"false": "false", "no": "false", "0": "false", "inactive": "false",
	}
)

func languageChoices() map[string]string {
	texts := map[string]string{"": DefaultLanguage}
	for _, code := range Languages {
		texts[code] = code
	}
	return choices(texts)
}

// choices makes a map from casefolded texts to JSON strings.
func choices(texts map[string]string) map[string]string {
	m := make(map[string]string, len(texts))
	for text, meant := range texts {
		m[string(casefold(nil, []byte(text)))] = strconv.Quote(meant)
	}
	return m
}
