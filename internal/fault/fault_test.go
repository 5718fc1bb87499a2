package fault

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestKindSurvivesWrapping(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("open job: %w", New(NotFound, "job %s does not exist", "j1"))
	if got := KindOf(err); got != NotFound {
		t.Errorf("KindOf(wrapped) = %v, want %v", got, NotFound)
	}
	if got, want := Message(err), "job j1 does not exist"; got != want {
		t.Errorf("Message(wrapped) = %q, want %q", got, want)
	}
}

func TestInternalErrorsAreHidden(t *testing.T) {
	t.Parallel()
	err := errors.New("disk /var/lib on fire")
	if got := Message(err); got != "internal error" {
		t.Errorf("Message(plain error) = %q, want the fixed sentence", got)
	}
	if KindOf(err) != Internal {
		t.Errorf("KindOf(plain error) = %v, want Internal", KindOf(err))
	}
	if Is(nil, Internal) {
		t.Error("Is(nil, Internal) = true, want false: no error has no kind")
	}
}

func TestEveryKindHasAName(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, k := range All() {
		if n := k.String(); n == "" || seen[n] {
			t.Errorf("Kind(%d).String() = %q: empty or used twice", k, n)
		} else {
			seen[n] = true
		}
	}
}

// TestErrorsOfContexts: what a caller or the time ended is no failure of the server, and
// an error that has a kind keeps it.
func TestErrorsOfContexts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want Kind
	}{
		{fmt.Errorf("ask database: %w", context.Canceled), Canceled},
		{fmt.Errorf("ask database: %w", context.DeadlineExceeded), DeadlineExceeded},
		{fmt.Errorf("%w: %w", New(Unavailable, "away"), context.DeadlineExceeded), Unavailable},
		{fmt.Errorf("%w: %w", context.Canceled, New(Broken, "cut")), Broken},
	} {
		if got := KindOf(c.err); got != c.want {
			t.Errorf("KindOf(%q) = %v, want %v", c.err, got, c.want)
		}
		if Message(c.err) == "internal error" {
			t.Errorf("Message(%q) is that of an internal error", c.err)
		}
	}
}
