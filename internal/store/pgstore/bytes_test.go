package pgstore_test

import (
	"testing"

	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
)

func TestBytes(t *testing.T) {
	t.Parallel()
	s, err := pgstore.Open(t.Context(), pgtest.Start(t), pgstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if n, err := s.Bytes(t.Context()); err != nil || n < 1<<20 {
		t.Errorf("Bytes = %d, %v; want those of a database", n, err)
	}
}
