// Package destination decides what a record does to a member.
//
// In comes a record, out comes a change to one member of the destination, or a
// refusal with the reason. The package is pure, and a rule allocates nothing per
// record: a Change is valid until the next record is decided. The same rules serve
// the single writes of the APIs, by Address and ListEntry, so that a member is the
// same whichever way it came.
//
// # Address lists of Mail Manager
//
// A record is one entry, in one of the forms that ListEntry names:
//
//	CSV   the column "address" among others; or no header and one column
//	JSON  {"items":[{"address":"a@example.com"}]}, an array, or values one after the
//	      other; each an object with the member "address", or the address as a string
//
// A CSV source whose first row neither names "address" nor can be an entry is broken.
// Records can only be put. A member has no value.
// https://docs.aws.amazon.com/ses/latest/dg/eb-addlist.html
//
// # The suppression list
//
// A record is an address and, to be put, a reason, BOUNCE or COMPLAINT in capitals,
// which is the member's value. To delete, the reason is passed over.
//
//	CSV   address,reason without a header; a first row emailAddress,reason is skipped
//	JSON  objects with the members "emailAddress" and "reason", one after the other
//	      or in an array
//
// https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html
//
// # Contact lists
//
// A record is a contact: an address, which is the key, and what Contact has. To put
// one replaces the contact outright: what the record does not give is gone. To delete
// one, all but the address is passed over.
//
//	CSV   a header with emailAddress and any of unsubscribeAll, attributesData and
//	      topicPreferences.<name of a topic>, in any order; to delete, a source of
//	      one column may go without
//	JSON  objects with the members emailAddress, unsubscribeAll, attributesData and
//	      topicPreferences, which is [{"topicName":"News","subscriptionStatus":"OPT_IN"}];
//	      one after the other or in an array
//
// An empty cell, null and an empty text are as good as none. unsubscribeAll is true or
// false, in large or small letters, as a text or as a JSON value; a status is OPT_IN or
// OPT_OUT in capitals; attributesData is text, or an array or object of JSON, which is
// kept as it is written. Topics are those that the list has when a worker takes up the
// job; a column's name may have other letters, large or small, if no topic has the very
// name. A preference for a topic that the list does not have refuses the record; its
// column may stand there while it is empty. Of preferences for one topic the last wins.
// https://docs.aws.amazon.com/ses/latest/dg/sending-email-list-management.html
//
// # Quick responses
//
// A record is a new quick response of a knowledge base; one that is there is never
// replaced. Its key is a UUID that comes of the job and the record's number, its value a
// QuickResponse. Only name and content must be given. The columns, with what else they
// may be called, and what is in them:
//
//	name             1 to 100 characters
//	content          1 to 1024
//	contentType      format; plain (or plain text) and markdown, or the API's words for
//	                 them; by default plain
//	shortcutKey      shortcut; 1 to 10 characters
//	description      1 to 255 characters
//	channels         channel; 1 to 10 characters each, several with , ; or | between
//	language         language code; one of the API's, as in en_US, en-us; by default en_US
//	isActive         active, status; true, yes, 1, active (which is the default), or
//	                 false, no, 0, inactive
//	routingProfiles  routing profile; names or ARNs as they are, several with ; or |
//	groupingCriteria and groupingValues, several with ; or |: instead of routing profiles
//
// In a header, and in words such as those of language and isActive, case, blanks,
// underscores, hyphens, dots and stars do not matter; a header's cell counts up to < or (.
// White space around a value does not count, and a cell such as <*Required field>, which
// the template for imports has, holds nothing. JSON has the same names for members, with
// texts as in cells.
// https://docs.aws.amazon.com/connect/latest/adminguide/add-data.html
//
// # Refusals
//
// A record that cannot be read is refused as package record says. The codes of this
// package:
//
//	address      no-address not-text no-at-sign two-at-signs
//	local part   no-local-part local-part-too-long local-part-dot local-part-quotes
//	             local-part-character local-part-not-ascii
//	domain       no-domain domain-too-long domain-label domain-hyphen domain-character
//	             domain-one-level domain-numeric domain-literal domain-not-idna
//	list entry   bad-length two-stars star-local-part star-domain star-levels
//	suppression  no-reason unknown-reason
//	contact      unsubscribe-all unknown-topic unknown-status topic-preferences
//	             attributes-data attributes-too-long
//	response     no-name name-length no-content content-length unknown-content-type
//	             shortcut-key-length description-length channel-length unknown-language
//	             is-active grouping-length half-a-grouping two-groupings nested-value;
//	             and name-taken shortcut-key-taken, see UniqueKey
package destination

import (
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
)

// Kind and Action are those of a job.
type (
	Kind   = job.Kind
	Action = job.Action
)

// The kinds, and the actions.
const (
	AddressList    = job.AddressList
	Suppression    = job.Suppression
	ContactList    = job.ContactList
	QuickResponses = job.QuickResponses

	Put    = job.Put
	Delete = job.Delete
)

// Change is what one record does to one member.
type Change struct {
	Action Action
	Key    []byte // the member's key in its canonical form
	Value  []byte // what replaces the member's value; empty for Delete
	Unique []UniqueKey
}

// UniqueKey is what only one member of a list can have at a time, beside its key: the name
// of a quick response, or its shortcut key.
type UniqueKey struct {
	Key   []byte          // unique within a list, over all unique keys of all members
	Taken *record.Refusal // of a record that asks for the unique key of another member
}

// Rule decides records for one job. It is not safe for concurrent use: it owns the
// buffers that a Change points to.
type Rule interface {
	// Schema tells what the rule needs from records of the given format.
	Schema(f record.Format) record.Schema
	// Decide fills c with what rec does, or tells why rec is refused. A record that
	// could not be read (rec.Refused) is refused for that reason.
	Decide(rec *record.Record, c *Change) *record.Refusal
}

// Target is what a rule is for.
type Target struct {
	Kind   Kind
	Action Action
	Job    string // id of the job, from which new members without a key of their own get one
	Config []byte // of the list
}

// NewRule returns the rule for a target; an action that its kind does not know is
// fault.Invalid.
func NewRule(t Target) (Rule, error) {
	switch {
	case t.Kind == AddressList && t.Action == Put:
		return newAddressList(), nil
	case t.Kind == Suppression && (t.Action == Put || t.Action == Delete):
		return newSuppression(t.Action), nil
	case t.Kind == ContactList && (t.Action == Put || t.Action == Delete):
		settings, err := DecodeContactSettings(t.Config)
		if err != nil {
			return nil, err
		}
		return newContactList(t.Action, settings.topicNames()), nil
	case t.Kind == QuickResponses && t.Action == Put:
		return newKnowledgeBase(t.Job), nil
	}
	return nil, fault.New(fault.Invalid, "a job cannot %s members of a destination of kind %q", t.Action, t.Kind)
}
