package storetest_test

import (
	"testing"

	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/storetest"
)

func TestModel(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(testing.TB) func() store.Store {
		m := storetest.New()
		return func() store.Store { m.Reopen(); return m }
	})
}
