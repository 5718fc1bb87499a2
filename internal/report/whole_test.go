package report

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/record"
)

// TestWhole: cut records come whole from the source, others from the store, and where
// the source has other bytes it is not believed.
func TestWhole(t *testing.T) {
	t.Parallel()
	long, short := strings.Repeat("l", 100), "short"
	text := short + "\n" + long + "\n" + short + "\n" + long + "\n"
	kept := func() []record.Reject {
		return []record.Reject{
			{Offset: 0, Reason: "r", Raw: []byte(short), Length: 5},
			{Offset: 6, Reason: "r", Raw: []byte(long[:10]), Length: 100},
			{Offset: 107, Reason: "r", Raw: []byte(short), Length: 5},
			{Offset: 113, Reason: "r", Raw: []byte(long[:10]), Length: 100},
		}
	}
	cut := fmt.Sprintf("%s r (only the first 10 of the record's 100 bytes are shown: its source is gone)", long[:10])
	for name, c := range map[string]struct {
		text string
		err  error
		want []string
		end  bool // an error ends it
	}{
		"whole":       {text, nil, []string{"short r", long + " r", "short r", long + " r"}, false},
		"gone":        {"", fault.New(fault.NotFound, "gone"), []string{"short r", cut, "short r", cut}, false},
		"other bytes": {strings.Repeat("o", len(text)), nil, []string{"short r", cut, "short r", cut}, false},
		"shorter":     {text[:50], nil, []string{"short r", cut, "short r", cut}, false},
		"away":        {"", errors.New("connection reset"), []string{"short r"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opened, closed := 0, 0
			src := func(offset int64) (io.ReadCloser, error) {
				if c.err != nil {
					return nil, c.err
				}
				opened++
				return closer{strings.NewReader(c.text[offset:]), &closed}, nil
			}
			var got []string
			var end error
			for r, err := range Whole(rejects(kept(), nil), src, "plain columns") {
				if end = err; err != nil {
					break
				}
				got = append(got, string(r.Raw)+" "+r.Reason)
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") || (end != nil) != c.end {
				t.Errorf("%q, %v, want %q", got, end, c.want)
			}
			if opened != closed {
				t.Errorf("opened %d times, closed %d", opened, closed)
			}
		})
	}
}

type closer struct {
	io.Reader
	closed *int
}

func (c closer) Close() error { *c.closed++; return nil }
