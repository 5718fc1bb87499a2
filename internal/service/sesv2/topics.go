package sesv2

import (
	"strings"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/api/sesv2api"
	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
)

// Bounds of contact lists, of which the model is silent. AWS's refusals tell them, but
// for the description of a topic, which has that of its list.
const (
	maxTopics      = 20
	maxName        = 64
	maxDisplayName = 128
	maxDescription = 500
)

// contactSettings is what a contact list has beside contacts and tags, between the store
// and the API.
type contactSettings struct{ destination.ContactSettings }

func decodeContactSettings(config []byte) (contactSettings, error) {
	c, err := destination.DecodeContactSettings(config)
	return contactSettings{c}, err
}

// put takes over what is given. What is absent stays as it was.
func (c *contactSettings) put(description *string, topics []sesv2api.Topic) {
	if description != nil {
		c.Description = description
	}
	if topics == nil {
		return
	}
	c.Topics = make([]destination.Topic, len(topics))
	for i, t := range topics {
		c.Topics[i] = destination.Topic{
			Name: t.TopicName, DisplayName: t.DisplayName, Description: t.Description,
			Default: string(t.DefaultSubscriptionStatus),
		}
	}
}

// views are the topics as the API shows them.
func (c contactSettings) views() []sesv2api.Topic {
	views := make([]sesv2api.Topic, len(c.Topics))
	for i, t := range c.Topics {
		views[i] = sesv2api.Topic{
			TopicName: t.Name, DisplayName: t.DisplayName, Description: t.Description,
			DefaultSubscriptionStatus: sesv2api.SubscriptionStatus(t.Default),
		}
	}
	return views
}

// preferences splits the list's topics: those for which the contact has a status of its
// own, and the others with their default. A preference for a topic that the list no
// longer has is in neither.
func (c contactSettings) preferences(contact destination.Contact) (own, defaults []sesv2api.TopicPreference) {
	own, defaults = []sesv2api.TopicPreference{}, []sesv2api.TopicPreference{}
	for _, t := range c.Topics {
		p := sesv2api.TopicPreference{TopicName: t.Name, SubscriptionStatus: sesv2api.SubscriptionStatus(t.Default)}
		if status, ok := contact.Preference(t.Name); ok {
			p.SubscriptionStatus = sesv2api.SubscriptionStatus(status)
			own = append(own, p)
		} else {
			defaults = append(defaults, p)
		}
	}
	return own, defaults
}

// checkContactList checks what a contact list is to be, in AWS's order and words: the
// list's name, the topics, the description.
func checkContactList(name string, description *string, topics []sesv2api.Topic) error {
	if err := checkName("ContactListName", name); err != nil {
		return err
	}
	if err := checkTopics(topics); err != nil {
		return err
	}
	if description != nil && utf8.RuneCountInString(*description) > maxDescription {
		return fault.New(fault.Invalid, "List description can contain up to %d characters.", maxDescription)
	}
	return nil
}

func checkTopics(topics []sesv2api.Topic) error {
	if len(topics) > maxTopics {
		return fault.New(fault.Invalid, "Maximum of <%d> topics allowed per ContactList", maxTopics)
	}
	seen := make(map[string]bool, len(topics))
	for _, t := range topics {
		if err := checkName("TopicName", t.TopicName); err != nil {
			return err
		}
		if utf8.RuneCountInString(t.DisplayName) > maxDisplayName {
			return fault.New(fault.Invalid, "Topic DisplayName can contain up to <%d> characters.", maxDisplayName)
		}
		if t.Description != nil && utf8.RuneCountInString(*t.Description) > maxDescription {
			return fault.New(fault.Invalid, "Topic Description can contain up to <%d> characters.", maxDescription)
		}
		if seen[t.TopicName] {
			return fault.New(fault.Invalid, "Duplicate topic names are not allowed within a List.")
		}
		seen[t.TopicName] = true
	}
	return nil
}

// checkName checks the name of a contact list, or of a topic.
func checkName(member, name string) error {
	if strings.TrimSpace(name) == "" {
		return fault.New(fault.Invalid, "%s can't be blank.", member)
	}
	fits := len(name) <= maxName
	for i := 0; fits && i < len(name); i++ {
		c := name[i]
		fits = c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '-'
	}
	if !fits {
		return fault.New(fault.Invalid, "%s can contain up to %d characters. Only alphanumeric characters, underscores(_) and hyphens(-) are allowed.", member, maxName)
	}
	return nil
}
