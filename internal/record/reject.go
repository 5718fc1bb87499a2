package record

// Reject is a record that was refused: the row of a report. Record, Line and Offset
// are as in a Record, Code and Reason as in a Refusal. Stores keep the
// beginning of a long record only: Raw is that of the Record if it is Length bytes
// long, and its beginning otherwise.
type Reject struct {
	Record int64
	Line   int64
	Offset int64
	Code   string
	Reason string
	Key    []byte // the record's first field as it stood there, or its beginning; empty if it could not be read
	Raw    []byte
	Length int64
}
