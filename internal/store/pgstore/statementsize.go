package pgstore

import (
	"encoding/binary"
	"sync/atomic"
)

// statementSize is how many rows the statements of long steps take: chunkRows at most, and
// half as many after each statement that was cancelled. Sluice sets no timeout for them,
// but a pool (query_timeout of PgBouncer), a watchdog or a person may cancel what takes
// long. To repeat the same statement would only have it cancelled again. A step stays one
// transaction, whose checkpoint is that of the whole batch: positions in the source are
// known for the end of a batch only.
type statementSize struct {
	halvings atomic.Int32
	fitting  atomic.Int32 // long steps in a row that were not cancelled
}

const (
	mostHalvings = 10 // 8 rows of 8192
	// tryLargerAfter is how many steps must succeed before larger statements are tried.
	tryLargerAfter = 64
)

// cuts is how often a statement is to be halved.
func (z *statementSize) cuts() int { return int(z.halvings.Load()) }

// cut halves the size after a statement that was cut so often was cancelled. It reports
// false if there is nothing left to halve.
func (z *statementSize) cut(cuts int) bool {
	z.fitting.Store(0)
	if cuts >= mostHalvings {
		return false
	}
	z.halvings.CompareAndSwap(int32(cuts), int32(cuts+1)) // or another step has done so
	return true
}

// fits counts a step that was not cancelled.
func (z *statementSize) fits(long bool) {
	cuts := z.halvings.Load()
	if !long || cuts == 0 || z.fitting.Add(1) < tryLargerAfter {
		return
	}
	z.fitting.Store(0)
	z.halvings.CompareAndSwap(cuts, cuts-1)
}

// atOnce is how many of some rows a statement takes in this attempt.
func (a *attempt) atOnce(rows int) int { return max(rows>>a.cuts, 1) }

// pieces returns the command in as many parts as its size asks for.
func (a *attempt) pieces(c command) []command {
	rows := int64(a.atOnce(int(c.rows)))
	if rows >= c.rows {
		return []command{c}
	}
	var all []command
	for begin := int64(0); begin < c.rows; begin += rows {
		n := min(rows, c.rows-begin)
		p := command{sql: c.sql, types: c.types, rows: n}
		for i, arg := range c.args {
			if isArray(c.types[i]) {
				arg = slice(arg, begin, n)
			}
			p.args = append(p.args, arg)
		}
		all = append(all, p)
	}
	return all
}

func isArray(t uint32) bool { return t == typeNumbers || t == typeTexts || t == typeBlobs }

const arrayHead = 20 // bytes before the first element, see array

// slice returns n elements of an array, from one on.
func slice(array []byte, begin, n int64) []byte {
	at := arrayHead
	pass := func(n int64) {
		for range n {
			at += 4 + int(binary.BigEndian.Uint32(array[at:]))
		}
	}
	pass(begin)
	from := at
	pass(n)
	part := append(append(make([]byte, 0, arrayHead+at-from), array[:arrayHead]...), array[from:at]...)
	binary.BigEndian.PutUint32(part[12:], uint32(n))
	return part
}
