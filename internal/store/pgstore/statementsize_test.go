package pgstore

import (
	"bytes"
	"fmt"
	"testing"
)

func TestPiecesHaveAllRows(t *testing.T) {
	t.Parallel()
	const rows = 1000
	var keys, numbers array
	keys.reset(typeText)
	numbers.reset(typeNumber)
	for i := range rows {
		keys.addText(fmt.Sprint("key", i))
		numbers.addNumber(int64(i))
	}
	whole := command{"s", [][]byte{numberArg(7), keys.bytes(), numbers.bytes()}, []uint32{typeNumber, typeTexts, typeNumbers}, rows}
	for cuts := range mostHalvings + 1 {
		a := attempt{cuts: cuts}
		var n int64
		var gotKeys, gotNumbers []byte
		for _, p := range a.pieces(whole) {
			if most := int64(a.atOnce(rows)); p.rows > most || p.rows < 1 {
				t.Fatalf("a piece of %d rows, want 1 to %d", p.rows, most)
			}
			if !bytes.Equal(p.args[0], whole.args[0]) {
				t.Fatalf("the list is %x, want %x", p.args[0], whole.args[0])
			}
			n += p.rows
			gotKeys, gotNumbers = append(gotKeys, p.args[1][arrayHead:]...), append(gotNumbers, p.args[2][arrayHead:]...)
		}
		if n != rows || !bytes.Equal(gotKeys, whole.args[1][arrayHead:]) || !bytes.Equal(gotNumbers, whole.args[2][arrayHead:]) {
			t.Errorf("after %d cuts the pieces have %d rows, want the same %d", cuts, n, rows)
		}
	}
}

func TestStatementsGrowAgain(t *testing.T) {
	t.Parallel()
	var z statementSize
	z.cut(0)
	z.cut(0) // of another step, at the same time
	z.cut(1)
	if got := z.cuts(); got != 2 {
		t.Errorf("cuts after two that followed on one another: %d, want 2", got)
	}
	for range 2 * tryLargerAfter {
		z.fits(false)
		z.fits(true)
	}
	if got := z.cuts(); got != 0 {
		t.Errorf("cuts after %d steps: %d, want 0", 2*tryLargerAfter, got)
	}
	if z.cut(mostHalvings) {
		t.Error("the smallest statement was cut")
	}
}
