package destination

import (
	"strings"

	"github.com/sluicehq/sluice/internal/record"
)

// Why a record, or the text of a member, is refused.
var (
	noAddress        = refusal("no-address", "the record has no address; give one")
	notText          = refusal("not-text", "the address is not a text; write it as a string")
	noAt             = refusal("no-at-sign", "the address has no @; write it as name@example.com")
	twoAts           = refusal("two-at-signs", "the address has more than one @; write one address a record, and put a name that holds an @ into quotes")
	noLocalPart      = refusal("no-local-part", "the address has nothing before the @; add the name")
	longLocalPart    = refusal("local-part-too-long", "the part before the @ is longer than 64 characters")
	dotInLocalPart   = refusal("local-part-dot", "the part before the @ begins or ends with a dot or has two in a row; remove the dot, or put the part into quotes")
	badLocalPart     = refusal("local-part-character", "the part before the @ has a space or a character that may not stand there; remove it, or put the part into quotes")
	badQuotedPart    = refusal("local-part-quotes", "the quotes before the @ do not hold together; close them, and put a backslash before a quote or backslash within")
	foreignLocalPart = refusal("local-part-not-ascii", "the part before the @ has a letter outside ASCII, which mail to this address cannot carry; write it in ASCII")
	noDomain         = refusal("no-domain", "the address has no domain after the @; add it")
	longDomain       = refusal("domain-too-long", "the domain is longer than 253 characters")
	badLabel         = refusal("domain-label", "a part of the domain between two dots is empty or longer than 63 characters")
	hyphenLabel      = refusal("domain-hyphen", "a part of the domain begins or ends with a hyphen; remove it")
	badDomain        = refusal("domain-character", "the domain has a character other than letters, digits, hyphens and dots; remove it")
	shortDomain      = refusal("domain-one-level", "the domain has no dot; write it in full, as in example.com")
	numericDomain    = refusal("domain-numeric", "the domain ends in a number, as an IP address does; give a name")
	literalDomain    = refusal("domain-literal", "the domain is an IP address in brackets; give a name")
	foreignDomain    = refusal("domain-not-idna", "the domain has letters that no international domain name may have; check it")
	noReason         = refusal("no-reason", "the record has no reason; give BOUNCE or COMPLAINT")
	badReason        = refusal("unknown-reason", "the reason is neither BOUNCE nor COMPLAINT, in capitals")
	badUnsubscribe   = refusal("unsubscribe-all", "unsubscribeAll is neither true nor false; write one of them, or leave it out")
	unknownTopic     = refusal("unknown-topic", "the record has a preference for a topic that the contact list does not have; add the topic to the list, or take the preference out")
	badStatus        = refusal("unknown-status", "the status towards a topic is neither OPT_IN nor OPT_OUT, in capitals")
	badPreferences   = refusal("topic-preferences", "topicPreferences is no array of objects with topicName and subscriptionStatus; in CSV, give each topic a column topicPreferences.<name of the topic>")
	longAttributes   = refusal("attributes-too-long", "attributesData is longer than 64 KiB; shorten it")
	badAttributes    = refusal("attributes-data", "attributesData is a number or a truth value; write it as a string")
	badLength        = refusal("bad-length", "an entry has 3 to 320 characters")
	twoStars         = refusal("two-stars", "the entry has more than one *; at most one is allowed")
	starLocalPart    = refusal("star-local-part", "the part before the @ has a * and 1, 2 or more than 19 other characters; it may have none, or 3 to 19")
	starDomain       = refusal("star-domain", "the * in the domain does not stand alone before it; write it as *.example.com")
	noName           = refusal("no-name", "the record has no name; give one")
	longName         = refusal("name-length", "the name is longer than 100 characters; shorten it")
	noContent        = refusal("no-content", "the record has no content; give one")
	longContent      = refusal("content-length", "the content is longer than 1024 characters; shorten it")
	longShortcut     = refusal("shortcut-key-length", "the shortcut key is longer than 10 characters; shorten it")
	longDescription  = refusal("description-length", "the description is longer than 255 characters; shorten it")
	longChannel      = refusal("channel-length", "a channel is longer than 10 characters; put a comma, a semicolon or a | between channels")
	badContentType   = refusal("unknown-content-type", "the content type is none of plain, markdown, application/x.quickresponse;format=plain and application/x.quickresponse;format=markdown")
	badLanguage      = refusal("unknown-language", "the language is not one of "+strings.Join(Languages, ", "))
	badActive        = refusal("is-active", "what says whether the response is active is none of true, false, yes, no, 1, 0, active and inactive")
	longGrouping     = refusal("grouping-length", "a grouping criterion is longer than 100 characters, or a routing profile or grouping value longer than 2048; put a semicolon or a | between several")
	halfGrouping     = refusal("half-a-grouping", "the record has grouping criteria without values, or values without criteria; give both or none")
	twoGroupings     = refusal("two-groupings", "the record has both routing profiles and a grouping, which are two ways to say the same; give one of them")
	nestedValue      = refusal("nested-value", "a member of the object is an array or an object; write it as a text, with a semicolon between several values")
	takenName        = refusal("name-taken", "another quick response of the knowledge base has this name; choose another")
	takenShortcut    = refusal("shortcut-key-taken", "another quick response of the knowledge base has this shortcut key; choose another")
	starLevels       = refusal("star-levels", "the domain after *. has fewer than 2 or more than 9 levels")
)

func refusal(code, reason string) *record.Refusal {
	return &record.Refusal{Code: code, Reason: reason}
}
