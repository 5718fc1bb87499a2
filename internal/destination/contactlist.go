package destination

import (
	"bytes"

	"github.com/sluicehq/sluice/internal/record"
)

// contactField is the name of the column or member that holds an address.
const contactField = "emailAddress"

// The fields of a contact's record after the address. Topics have columns of their own
// in CSV, which follow these, and one for those that the list does not have comes last.
const (
	unsubscribeField = 1 + iota
	attributesField
	preferencesField
	topicFields
)

var contactFields = []string{contactField, "unsubscribeAll", "attributesData", "topicPreferences"}

// topicColumn comes before a topic's name in a header.
const topicColumn = "topicPreferences."

// contactList is the rule for a contact list.
type contactList struct {
	action   Action
	topics   []string
	index    map[string]int // into topics
	statuses []string       // of the record, one a topic; empty for one that it does not name
	inner    *record.Inner  // of topicPreferences
	key      []byte
	value    Contact
}

func newContactList(a Action, topics []string) *contactList {
	l := &contactList{
		action:   a,
		topics:   topics,
		index:    make(map[string]int, len(topics)),
		statuses: make([]string, len(topics)),
		inner:    record.NewInner("topicName", "subscriptionStatus"),
		key:      make([]byte, 0, maxEntry),
	}
	for i, name := range topics {
		l.index[name] = i
	}
	return l
}

// Schema asks for the address and, to put, for the rest of a contact:
// https://docs.aws.amazon.com/ses/latest/dg/sending-email-list-management.html. To
// delete, a CSV source of one column needs no header.
func (l *contactList) Schema(f record.Format) record.Schema {
	if l.action == Delete {
		return record.Schema{Fields: contactFields[:1], Header: record.HeaderOptional, Starts: hasAt}
	}
	s := record.Schema{Fields: contactFields, Header: record.HeaderRequired}
	if f == record.CSV {
		s.Fields = make([]string, 0, topicFields+len(l.topics)+1)
		s.Fields = append(s.Fields, contactFields...)
		for _, name := range l.topics {
			s.Fields = append(s.Fields, topicColumn+name)
		}
		s.Fields = append(s.Fields, topicColumn+"*")
	}
	return s
}

// hasAt tells an address, even one that is not quite right, from a column's name.
func hasAt(cell []byte) bool { return bytes.IndexByte(cell, '@') >= 0 }

// Decide puts the contact as the record has it, and nothing of what it was before, or
// deletes it; a deletion has no use for all but the address.
func (l *contactList) Decide(rec *record.Record, c *Change) *record.Refusal {
	text, r := addressField(rec)
	if r != nil {
		return r
	}
	if l.key, r = Address(l.key[:0], text); r != nil {
		return r
	}
	*c = Change{Action: l.action, Key: l.key}
	if l.action == Delete {
		return nil
	}
	if r := l.put(rec.Fields); r != nil {
		return r
	}
	c.Value = l.value
	return nil
}

// put makes the member's value.
func (l *contactList) put(fields []record.Field) *record.Refusal {
	unsubscribed, r := unsubscribeAll(&fields[unsubscribeField])
	if r != nil {
		return r
	}
	clear(l.statuses)
	if r := l.preferences(fields[preferencesField]); r != nil {
		return r
	}
	if r := l.columns(fields[topicFields:]); r != nil {
		return r
	}
	attributes, r := attributesData(&fields[attributesField])
	if r != nil {
		return r
	}
	l.value = NewContact(l.value[:0], unsubscribed)
	for i, status := range l.statuses {
		if status != "" {
			l.value = l.value.With(l.topics[i], status)
		}
	}
	if len(attributes) > 0 {
		l.value = l.value.WithAttributes(attributes)
	}
	return nil
}

// unsubscribeAll returns the value of a field that is true or false, by default false.
func unsubscribeAll(f *record.Field) (bool, *record.Refusal) {
	text := trim(f.Bytes)
	switch {
	case f.Kind == record.Absent, f.Kind == record.Null, f.Kind == record.Text && len(text) == 0:
		return false, nil
	case f.Kind != record.Text && f.Kind != record.Bool:
	case bytes.EqualFold(text, []byte("true")):
		return true, nil
	case bytes.EqualFold(text, []byte("false")):
		return false, nil
	}
	return false, badUnsubscribe
}

// columns takes the preferences from the columns of the topics, and finds none in the
// column after them.
func (l *contactList) columns(fields []record.Field) *record.Refusal {
	for i := range fields {
		if i == len(l.topics) {
			if fields[i].Kind != record.Absent {
				return unknownTopic
			}
			return nil
		}
		s, r := status(&fields[i])
		if r != nil {
			return r
		}
		l.statuses[i] = s
	}
	return nil
}

// preferences takes the preferences from an array of objects; the last of one topic
// wins.
func (l *contactList) preferences(f record.Field) *record.Refusal {
	if f.Kind == record.Absent || f.Kind == record.Null || f.Kind == record.Text && len(f.Bytes) == 0 {
		return nil
	}
	if !l.inner.Array(f) {
		return badPreferences
	}
	for {
		preference, ok := l.inner.Next()
		if !ok {
			return nil
		}
		members := l.inner.Members()
		if preference.Kind != record.Nested || members[0].Kind != record.Text {
			return badPreferences
		}
		topic, ok := l.index[string(members[0].Bytes)]
		if !ok {
			return unknownTopic
		}
		s, r := status(&members[1])
		if r != nil {
			return r
		}
		if s == "" {
			return badStatus
		}
		l.statuses[topic] = s
	}
}

// status returns the status towards a topic, empty if the field has none.
func status(f *record.Field) (string, *record.Refusal) {
	text := trim(f.Bytes)
	switch {
	case f.Kind == record.Absent, f.Kind == record.Null, f.Kind == record.Text && len(text) == 0:
		return "", nil
	case f.Kind == record.Text && string(text) == OptIn:
		return OptIn, nil
	case f.Kind == record.Text && string(text) == OptOut:
		return OptOut, nil
	}
	return "", badStatus
}

// attributesData returns the attributes, which are text, or JSON that is kept as it is
// written.
func attributesData(f *record.Field) ([]byte, *record.Refusal) {
	switch f.Kind {
	case record.Text, record.Nested:
		if len(f.Bytes) > MaxAttributes {
			return nil, longAttributes
		}
		return f.Bytes, nil
	case record.Absent, record.Null:
		return nil, nil
	}
	return nil, badAttributes
}
