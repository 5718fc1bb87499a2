package destination

import (
	"strconv"
	"strings"
)

// fold appends a word to dst in the form in which words are compared: in small letters,
// without blanks, underscores, hyphens, dots and stars.
func fold(dst, word []byte) []byte {
	for _, c := range word {
		switch {
		case isSpace(c) || strings.IndexByte("_-.*", c) >= 0:
		case c >= 'A' && c <= 'Z':
			dst = append(dst, c|0x20)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// columnSpellings are words, as fold makes them, for columns of quick responses. The
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
	word := name
	if i := strings.IndexAny(word, "<("); i >= 0 {
		word = word[:i]
	}
	if f, ok := columnSpellings[string(fold(nil, []byte(word)))]; ok {
		return responseColumns[f]
	}
	return name
}

// The content types.
const (
	PlainText = "application/x.quickresponse;format=plain"
	Markdown  = "application/x.quickresponse;format=markdown"
)

// What words in the cells of quick responses stand for in JSON, and what no word does.
var (
	contentTypes = choices(map[string]string{
		"": PlainText, PlainText: PlainText, "plain": PlainText, "plain text": PlainText,
		Markdown: Markdown, "markdown": Markdown,
	})
	languages = choices(map[string]string{
		"":      "en_US",
		"de_DE": "de_DE", "en_US": "en_US", "es_ES": "es_ES", "fr_FR": "fr_FR", "id_ID": "id_ID", "it_IT": "it_IT",
		"ja_JP": "ja_JP", "ko_KR": "ko_KR", "pt_BR": "pt_BR", "zh_CN": "zh_CN", "zh_TW": "zh_TW",
	})
	truths = map[string]string{
		"":     "true",
		"true": "true", "yes": "true", "1": "true", "active": "true",
		"false": "false", "no": "false", "0": "false", "inactive": "false",
	}
)

// choices makes a map from folded words to JSON strings.
func choices(words map[string]string) map[string]string {
	m := make(map[string]string, len(words))
	for word, meant := range words {
		m[string(fold(nil, []byte(word)))] = strconv.Quote(meant)
	}
	return m
}
