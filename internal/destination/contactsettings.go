package destination

import (
	"encoding/json"
	"fmt"
)

// ContactSettings is what a contact list has beside contacts and tags. A store keeps it as
// the Config of the list: the service writes it, and the rule for imports reads the topics.
// The names in the store are our own, since AWS's may change with its model.
type ContactSettings struct {
	Description *string `json:"description,omitempty"`
	Topics      []Topic `json:"topics"`
}

// Topic is something that contacts may subscribe to.
type Topic struct {
	Name        string  `json:"name"`
	DisplayName string  `json:"displayName"`
	Description *string `json:"description,omitempty"`
	Default     string  `json:"default"` // the status of a contact without a preference of its own
}

// Encode returns c as the Config of a list.
func (c ContactSettings) Encode() []byte {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings only: cannot be
	}
	return text
}

// DecodeContactSettings reads the Config of a list; an empty one has no topics.
func DecodeContactSettings(config []byte) (ContactSettings, error) {
	var c ContactSettings
	if len(config) == 0 {
		return c, nil
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return ContactSettings{}, fmt.Errorf("read the settings of a contact list: %w", err)
	}
	return c, nil
}

// Topic returns the topic of that name, nil if the list has none.
func (c ContactSettings) Topic(name string) *Topic {
	for i := range c.Topics {
		if c.Topics[i].Name == name {
			return &c.Topics[i]
		}
	}
	return nil
}

func (c ContactSettings) topicNames() []string {
	names := make([]string, len(c.Topics))
	for i := range c.Topics {
		names[i] = c.Topics[i].Name
	}
	return names
}
