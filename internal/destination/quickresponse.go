package destination

import (
	"encoding/json"
	"fmt"

	"github.com/sluicehq/sluice/internal/record"
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

// Word is something that only one member of a list can have at a time, beside its key:
// the name of a quick response, or its shortcut key.
type Word struct {
	Text  string          // unique within a list, over all members' words
	Taken *record.Refusal // what a record is told that would claim another's word
}

// Claims reports whether members of a kind of destination have words.
func Claims(k Kind) bool { return k == QuickResponses }

// Words returns the words of a member with the given value. It is pure: stores call
// it to know what a member that they hold has claimed.
func Words(k Kind, value []byte) ([]Word, error) {
	if !Claims(k) {
		return nil, nil
	}
	var q struct{ Name, ShortcutKey string }
	if err := json.Unmarshal(value, &q); err != nil {
		return nil, fmt.Errorf("read the words of a member: %w", err)
	}
	words := []Word{{"name " + q.Name, takenName}}
	if q.ShortcutKey != "" {
		words = append(words, Word{"shortcut " + q.ShortcutKey, takenShortcut})
	}
	return words, nil
}
