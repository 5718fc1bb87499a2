package destination

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// QuickResponse is the value of a knowledge base's member, kept as JSON; the member's
// key is the quick response's id.
type QuickResponse struct {
	Name        string            `json:"name"`
	ShortcutKey string            `json:"shortcutKey,omitempty"`
	Content     string            `json:"content"`
	ContentType string            `json:"contentType"`
	Description string            `json:"description,omitempty"`
	Channels    []string          `json:"channels,omitempty"`
	Language    string            `json:"language,omitempty"`
	Active      bool              `json:"active"`
	Grouping    *Grouping         `json:"grouping,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	// Input is the fingerprint of the call that created it under a client token.
	Input string `json:"input,omitempty"`
}

// Grouping says to whom a quick response is shown: values of a criterion, such as
// routing profiles.
type Grouping struct {
	Criteria string   `json:"criteria,omitempty"`
	Values   []string `json:"values,omitempty"`
}

// Encode returns the value of q.
func (q QuickResponse) Encode() []byte {
	text, err := json.Marshal(q)
	if err != nil {
		panic(err) // strings only: cannot be
	}
	return text
}

// DecodeQuickResponse reads a value.
func DecodeQuickResponse(value []byte) (QuickResponse, error) {
	var q QuickResponse
	if err := json.Unmarshal(value, &q); err != nil {
		return QuickResponse{}, fmt.Errorf("read quick response: %w", err)
	}
	return q, nil
}

// UniqueKeys returns the unique keys of a member that is q.
func (q QuickResponse) UniqueKeys() []UniqueKey {
	keys, _ := appendUniqueKeys(nil, nil, []byte(q.Name), []byte(q.ShortcutKey))
	return keys
}

// appendUniqueKeys appends to dst the unique keys of a quick response, and their bytes to
// buf, which is empty.
func appendUniqueKeys(dst []UniqueKey, buf, name, shortcut []byte) ([]UniqueKey, []byte) {
	buf = appendText(append(buf, "name "...), name)
	n := len(buf)
	if len(shortcut) > 0 {
		buf = appendText(append(buf, "shortcut "...), shortcut)
	}
	dst = append(dst, UniqueKey{buf[:n:n], takenName})
	if len(shortcut) > 0 {
		dst = append(dst, UniqueKey{buf[n:], takenShortcut})
	}
	return dst, buf
}

// appendText appends text as it is read from a value again: with U+FFFD for each byte that
// is not UTF-8.
func appendText(dst, text []byte) []byte {
	if utf8.Valid(text) {
		return append(dst, text...)
	}
	return append(dst, string([]rune(string(text)))...)
}
