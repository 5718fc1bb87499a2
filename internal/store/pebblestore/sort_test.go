package pebblestore

import (
	"bytes"
	"slices"
	"testing"

	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/testenv"
)

// keep is a rule that puts a record's first field.
func batchOf(keys ...[]byte) *store.Batch {
	b := new(store.Batch)
	for i, k := range keys {
		b.Put(&record.Record{Number: int64(i), Raw: k}, k, nil)
	}
	return b
}

func checkSort(t *testing.T, keys [][]byte) {
	t.Helper()
	var s sorter
	got := s.sort(batchOf(keys...))
	want := make([]int, len(keys))
	for i := range want {
		want[i] = i
	}
	slices.SortStableFunc(want, func(x, y int) int { return bytes.Compare(keys[x], keys[y]) })
	for i := range want {
		if int(got[i].i) != want[i] {
			t.Fatalf("sorted %d keys: at %d is %q (%d), want %q (%d)",
				len(keys), i, keys[got[i].i], got[i].i, keys[want[i]], want[i])
		}
	}
}

func TestSort(t *testing.T) {
	t.Parallel()
	r := testenv.Rand(t)
	// Alphabets and lengths that make for duplicates, shared beginnings, and keys
	// that go on with zeros.
	for _, alphabet := range []string{"\x00", "\x00\x01", "ab", "\x00\xff", "abcdefghijklmnopqrstuvwxyz"} {
		for _, length := range []int{1, 3, 7, 8, 9, 15, 16, 40} {
			for _, n := range []int{0, 1, 2, compareUpTo, compareUpTo + 1, radixFrom - 1, radixFrom, 3000} {
				keys := make([][]byte, n)
				for i := range keys {
					k := make([]byte, r.IntN(length+1))
					for j := range k {
						k[j] = alphabet[r.IntN(len(alphabet))]
					}
					if r.IntN(3) == 0 {
						k = append([]byte("a long shared beginning "), k...)
					}
					keys[i] = k
				}
				checkSort(t, keys)
			}
		}
	}
}

func FuzzSort(f *testing.F) {
	f.Add([]byte("a,b,,a,aaaaaaaa,aaaaaaa\x00,aaaaaaa"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys := bytes.Split(text, []byte(","))
		for len(keys) < radixFrom && len(keys) > compareUpTo {
			keys = append(keys, keys...)
		}
		checkSort(t, keys)
	})
}
