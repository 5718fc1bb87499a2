package destination

import (
	"bytes"
	"errors"
	"slices"

	"github.com/sluicehq/sluice/internal/record"
)

// The problems that a MemberChecker finds. They name no key: it may be an address.
var (
	errMemberKey    = errors.New("its key is not in canonical form")
	errMemberReason = errors.New("its value is neither BOUNCE nor COMPLAINT")
	errMemberStatus = errors.New("its value does not begin with OPT_IN or OPT_OUT")
	errMemberTopic  = errors.New("a topic preference in its value is neither OPT_IN nor OPT_OUT")
	errMemberValue  = errors.New("it has a value, and members of its kind have none")
	errMemberJSON   = errors.New("its value is not a quick response")
	errMemberUnique = errors.New("its unique keys are not those of its value")
	errMemberKind   = errors.New("its list is of an unknown kind")
)

// MemberChecker checks stored members one after the other. It is not safe for
// concurrent use.
type MemberChecker struct{ key []byte }

// Check reports what is wrong with a stored member of a kind: a key, a value or unique
// keys that no rule and no API could have made.
func (c *MemberChecker) Check(k Kind, key, value []byte, unique []string) error {
	if k != QuickResponses && len(unique) > 0 {
		return errMemberUnique
	}
	switch k {
	case AddressList:
		if len(value) > 0 {
			return errMemberValue
		}
		return c.checkKey(ListEntry, key)
	case Suppression:
		if !bytes.Equal(value, bounce) && !bytes.Equal(value, complaint) {
			return errMemberReason
		}
		return c.checkKey(Address, key)
	case ContactList:
		if err := checkContactValue(value); err != nil {
			return err
		}
		return c.checkKey(Address, key)
	case QuickResponses:
		return checkQuickResponse(key, value, unique)
	}
	return errMemberKind
}

func (c *MemberChecker) checkKey(canonical func(dst, text []byte) ([]byte, *record.Refusal), key []byte) error {
	again, r := canonical(c.key[:0], key)
	if r != nil || !bytes.Equal(again, key) {
		return errMemberKey
	}
	c.key = again
	return nil
}

func checkQuickResponse(key, value []byte, unique []string) error {
	q, err := DecodeQuickResponse(value)
	switch {
	case err != nil || q.Name == "":
		return errMemberJSON
	case len(key) == 0:
		return errMemberKey
	case !slices.EqualFunc(q.UniqueKeys(), unique, func(u UniqueKey, key string) bool { return string(u.Key) == key }):
		return errMemberUnique
	}
	return nil
}

func checkContactValue(c Contact) error {
	first, _, _ := bytes.Cut(c.head(), []byte{' '})
	if string(first) != OptIn && string(first) != OptOut {
		return errMemberStatus
	}
	for topic, s := range c.preferences() {
		if len(topic) == 0 || string(s) != OptIn && string(s) != OptOut {
			return errMemberTopic
		}
	}
	return nil
}
