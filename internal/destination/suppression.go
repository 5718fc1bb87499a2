package destination

import "github.com/sluicehq/sluice/internal/record"

// The reasons for which an address is suppressed, and the values of its member.
const (
	Bounce    = "BOUNCE"
	Complaint = "COMPLAINT"
)

// suppressionField is the name of the column or member that holds an address.
const suppressionField = "emailAddress"

// suppression is the rule for an account's suppression list.
type suppression struct {
	action Action
	key    []byte
}

func newSuppression(a Action) *suppression {
	return &suppression{action: a, key: make([]byte, 0, maxEntry)}
}

// Schema asks for the address and the reason, in CSV without a header and in this
// order: https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html.
func (s *suppression) Schema(record.Format) record.Schema {
	return record.Schema{Fields: []string{suppressionField, "reason"}, Header: record.HeaderNone}
}

// Decide puts or deletes the address; a deletion has no use for a reason.
func (s *suppression) Decide(rec *record.Record, c *Change) *record.Refusal {
	text, r := addressField(rec)
	if r != nil {
		return r
	}
	if s.key, r = Address(s.key[:0], text); r != nil {
		return r
	}
	*c = Change{Action: s.action, Key: s.key}
	if s.action == Delete {
		return nil
	}
	c.Value, r = reason(&rec.Fields[1])
	return r
}

var (
	bounce    = []byte(Bounce)
	complaint = []byte(Complaint)
)

// reason returns the value of a member with the reason in f.
func reason(f *record.Field) ([]byte, *record.Refusal) {
	text := trim(f.Bytes)
	switch {
	case f.Kind == record.Absent, f.Kind == record.Null, f.Kind == record.Text && len(text) == 0:
		return nil, noReason
	case f.Kind == record.Text && string(text) == Bounce:
		return bounce, nil
	case f.Kind == record.Text && string(text) == Complaint:
		return complaint, nil
	}
	return nil, badReason
}
