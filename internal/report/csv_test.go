package report

import (
	"errors"
	"io"
	"iter"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
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

func TestWrite(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	n, err := Write(&b, destination.KeyColumn(job.Suppression), rejects([]record.Reject{
		{Line: 2, Offset: 30, Code: "no-at-sign", Reason: "the address has no @", Key: []byte("joe"), Raw: []byte("joe,BOUNCE")},
		{Line: 5, Offset: 99, Code: "x", Reason: "one, two", Key: []byte("=cmd()"), Raw: []byte("\"a\nb\",ä\x00\xff")},
		{Line: 7, Offset: 120, Code: "y", Reason: "z", Raw: nil, Key: []byte(" \"")},
	}, nil))
	want := "emailAddress,reason,code,line,offset,record\n" +
		"joe,the address has no @,no-at-sign,2,30,\"joe,BOUNCE\"\n" +
		"=cmd(),\"one, two\",x,5,99,\"\"\"a\nb\"\",ä\ufffd\ufffd\"\n" +
		"\" \"\"\",z,y,7,120,\"\"\n"
	if b.String() != want || err != nil {
		t.Errorf("Write: error %v\n got %s\nwant %s", err, b.String(), want)
	}
	if n != int64(len(want)) {
		t.Errorf("Write says %d bytes, wrote %d", n, len(want))
	}
}

func TestWriteOfNothing(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if _, err := Write(&b, destination.KeyColumn(job.AddressList), rejects(nil, nil)); err != nil || b.String() != "address,reason,code,line,offset,record\n" {
		t.Errorf("Write of nothing: %q, %v, want the header alone", b.String(), err)
	}
}

func TestWriteFails(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk full")
	if _, err := Write(io.Discard, "address", rejects(nil, cause)); !errors.Is(err, cause) {
		t.Errorf("Write of rejects that fail: %v, want %v", err, cause)
	}
	if _, err := Write(failing{cause}, "address", rejects(make([]record.Reject, 10_000), nil)); !errors.Is(err, cause) {
		t.Errorf("Write to a writer that fails: %v, want %v", err, cause)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestWriteSafe: every text that a spreadsheet would take for a formula has an
// apostrophe before it, also in the record; other texts are as they are.
func TestWriteSafe(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1", "＝1": "'＝1",
		"": "", "joe": "joe", "a=b": "a=b", " =1": " =1", "a;=1": "a;=1", "ä": "ä", "'=1": "'=1",
	} {
		var b strings.Builder
		n, err := WriteSafe(&b, "key", rejects([]record.Reject{{Line: 2, Offset: -3, Code: "c", Reason: "why", Key: []byte(text), Raw: []byte(text)}}, nil))
		whole := "\ufeffkey,reason,code,line,offset,record\n\"" + want + "\",\"why\",c,2,-3,\"" + want + "\"\n"
		if b.String() != whole || err != nil || n != int64(len(whole)) {
			t.Errorf("WriteSafe of %q: %d bytes, error %v\n got %q\nwant %q", text, n, err, b.String(), whole)
		}
	}
}
