package destination

import (
	"errors"
	"io"
	"iter"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/record"
)

func rejects(list []record.Reject, err error) iter.Seq2[record.Reject, error] {
	return func(yield func(record.Reject, error) bool) {
		for _, r := range list {
			if !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(record.Reject{}, err)
		}
	}
}

func TestWriteReport(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	n, err := WriteReport(&b, KeyColumn(Suppression), rejects([]record.Reject{
		{Line: 2, Offset: 30, Code: "no-at-sign", Reason: "the address has no @", Key: []byte("joe"), Raw: []byte("joe,BOUNCE")},
		{Line: 5, Offset: 99, Code: "x", Reason: "one, two", Key: []byte("=cmd()"), Raw: []byte("\"a\nb\",ä\x00\xff")},
		{Line: 7, Offset: 120, Code: "y", Reason: "z", Raw: nil, Key: []byte(" \"")},
	}, nil))
	want := "emailAddress,reason,code,line,offset,record\n" +
		"joe,the address has no @,no-at-sign,2,30,\"joe,BOUNCE\"\n" +
		"=cmd(),\"one, two\",x,5,99,\"\"\"a\nb\"\",ä\ufffd\ufffd\"\n" +
		"\" \"\"\",z,y,7,120,\"\"\n"
	if b.String() != want || err != nil {
		t.Errorf("WriteReport: error %v\n got %s\nwant %s", err, b.String(), want)
	}
	if n != int64(len(want)) {
		t.Errorf("WriteReport says %d bytes, wrote %d", n, len(want))
	}
}

// TestKeyColumns: a report's first column has the name of the sources' first field.
func TestKeyColumns(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]string{AddressList: "address", Suppression: "emailAddress", ContactList: "emailAddress", QuickResponses: "name"} {
		rule, err := NewRule(Target{Kind: kind, Action: Put})
		if err != nil {
			t.Fatal(err)
		}
		if got := KeyColumn(kind); got != want || rule.Schema(record.CSV).Fields[0] != want {
			t.Errorf("key column of %s: %q, want %q, as in its schema", kind, got, want)
		}
	}
}

func TestWriteReportOfNothing(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if _, err := WriteReport(&b, KeyColumn(AddressList), rejects(nil, nil)); err != nil || b.String() != "address,reason,code,line,offset,record\n" {
		t.Errorf("WriteReport of nothing: %q, %v, want the header alone", b.String(), err)
	}
}

func TestWriteReportFails(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk full")
	if _, err := WriteReport(io.Discard, "address", rejects(nil, cause)); !errors.Is(err, cause) {
		t.Errorf("WriteReport of rejects that fail: %v, want %v", err, cause)
	}
	if _, err := WriteReport(failing{cause}, "address", rejects(make([]record.Reject, 10_000), nil)); !errors.Is(err, cause) {
		t.Errorf("WriteReport to a writer that fails: %v, want %v", err, cause)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestWriteSafeReport: every text that a spreadsheet would take for a formula has an
// apostrophe before it, also in the record; other texts are as they are.
func TestWriteSafeReport(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1", "＝1": "'＝1",
		"": "", "joe": "joe", "a=b": "a=b", " =1": " =1", "a;=1": "a;=1", "ä": "ä", "'=1": "'=1",
	} {
		var b strings.Builder
		n, err := WriteSafeReport(&b, "key", rejects([]record.Reject{{Line: 2, Offset: -3, Code: "c", Reason: "why", Key: []byte(text), Raw: []byte(text)}}, nil))
		whole := "\ufeffkey,reason,code,line,offset,record\n\"" + want + "\",\"why\",c,2,-3,\"" + want + "\"\n"
		if b.String() != whole || err != nil || n != int64(len(whole)) {
			t.Errorf("WriteSafeReport of %q: %d bytes, error %v\n got %q\nwant %q", text, n, err, b.String(), whole)
		}
	}
}
