package destination

import (
	"bytes"
	"iter"
)

// The subscription statuses of a contact, towards a topic or all of them.
const (
	OptIn  = "OPT_IN"
	OptOut = "OPT_OUT"
)

// MaxAttributes is how many bytes the attributes of a contact have at most. AWS tells of
// no bound; this one keeps a page of a thousand contacts in memory.
const MaxAttributes = 64 << 10

// Contact is the value of a contact list's member. It is text, so that it can be read
// in a database:
//
//	OPT_IN news=OPT_OUT sports=OPT_IN
//	{"name":"Ann"}
//
// The first field says whether the contact gets mail at all; the fields after it are its
// own preferences, one a topic, in no order. What comes after the first line end is
// the attributes as they are; without a line end there are none. A preference stays
// when its topic is gone, and counts again when the topic is back.
type Contact []byte

// NewContact returns the value of a contact that has no preferences and no attributes.
func NewContact(dst []byte, unsubscribed bool) Contact {
	if unsubscribed {
		return append(dst, OptOut...)
	}
	return append(dst, OptIn...)
}

// With appends a preference. The topic's name is one of a list's, which hold no blank,
// no = and no line end; a topic is named once. No preference may follow attributes.
func (c Contact) With(topic, status string) Contact {
	c = append(c, ' ')
	c = append(c, topic...)
	c = append(c, '=')
	return append(c, status...)
}

// WithAttributes appends the attributes, which may be empty.
func (c Contact) WithAttributes(text []byte) Contact {
	c = append(c, '\n')
	return append(c, text...)
}

func (c Contact) head() []byte {
	head, _, _ := bytes.Cut(c, []byte{'\n'})
	return head
}

// Unsubscribed reports whether the contact gets no mail, whatever the topic.
func (c Contact) Unsubscribed() bool {
	first, _, _ := bytes.Cut(c.head(), []byte{' '})
	return string(first) == OptOut
}

// Preference returns the contact's own status towards a topic.
func (c Contact) Preference(topic string) (status string, ok bool) {
	for t, s := range c.preferences() {
		if string(t) == topic {
			return string(s), true
		}
	}
	return "", false
}

// Preferences gives topics and statuses in the order in which they were appended.
func (c Contact) Preferences() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for t, s := range c.preferences() {
			if !yield(string(t), string(s)) {
				return
			}
		}
	}
}

func (c Contact) preferences() iter.Seq2[[]byte, []byte] {
	return func(yield func(topic, status []byte) bool) {
		_, rest, more := bytes.Cut(c.head(), []byte{' '})
		for more {
			var field []byte
			field, rest, more = bytes.Cut(rest, []byte{' '})
			topic, status, _ := bytes.Cut(field, []byte{'='})
			if !yield(topic, status) {
				return
			}
		}
	}
}

// Attributes returns the attributes; ok is false if the contact has none.
func (c Contact) Attributes() (text []byte, ok bool) {
	_, text, ok = bytes.Cut(c, []byte{'\n'})
	return text, ok
}
