package pgstore_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
)

// TestListIsMadeDuringAWrite makes the list at the moment when a write has not found it
// and looks why. What nobody has put is not there already.
func TestListIsMadeDuringAWrite(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(store.Store) error{
		"put": func(s store.Store) error {
			return s.PutMember(ctx, theList, "a", nil, time.Now(), store.PutOptions{})
		},
		"put a new one": func(s store.Store) error {
			return s.PutMember(ctx, theList, "a", nil, time.Now(), store.PutOptions{New: true})
		},
		"delete": func(s store.Store) error { return s.DeleteMember(ctx, theList, "a") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.Start(t)
			proxy := pgtest.NewProxy(t, url+"&default_query_exec_mode=exec")
			s, other := open(t, proxy.URL, pgstore.Options{}), open(t, url, pgstore.Options{})
			defer other.Close()
			defer s.Close()
			proxy.Arm("caller_op FROM lists", pgtest.Freeze)
			outcome := make(chan error, 1)
			go func() { outcome <- write(s) }()
			for proxy.Struck() == 0 && len(outcome) == 0 {
				runtime.Gosched()
			}
			if _, err := other.CreateList(ctx, newList(theList), store.Once{}, 0); err != nil {
				t.Fatalf("CreateList: %v", err)
			}
			proxy.Thaw()
			if err := <-outcome; err != nil && !fault.Is(err, fault.NotFound) {
				t.Errorf("got %v, want no error or NotFound", err)
			}
		})
	}
}
