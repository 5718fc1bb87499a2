package pgstore

import (
	"encoding/binary"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// array is a one-dimensional array in the form in which a database reads it, see
// array_recv of PostgreSQL. It is written straight from a batch, so that no record
// costs an allocation:
//
//	dimensions 1, flags 0, type of the elements, how many, first index 1: 4 bytes each
//	each element: its length in 4 bytes, and the element
type array struct {
	b []byte
	n uint32
}

// reset empties the array. What it held may still be in use, so it takes new memory:
// about as much as it needed before.
func (a *array) reset(element uint32) {
	b := make([]byte, 0, max(len(a.b)+len(a.b)/8, 1<<10))
	for _, word := range []uint32{1, 0, element, 0, 1} {
		b = binary.BigEndian.AppendUint32(b, word)
	}
	a.b, a.n = b, 0
}

func (a *array) add(element []byte) {
	a.b = binary.BigEndian.AppendUint32(a.b, uint32(len(element)))
	a.b = append(a.b, element...)
	a.n++
}

func (a *array) addText(element string) {
	a.b = binary.BigEndian.AppendUint32(a.b, uint32(len(element)))
	a.b = append(a.b, element...)
	a.n++
}

func (a *array) addNumber(n int64) {
	a.b = binary.BigEndian.AppendUint32(a.b, 8)
	a.b = binary.BigEndian.AppendUint64(a.b, uint64(n))
	a.n++
}

// addKey adds a member's key.
func (a *array) addKey(key []byte) {
	at := len(a.b)
	a.b = appendKeyText(append(a.b, 0, 0, 0, 0), key)
	binary.BigEndian.PutUint32(a.b[at:], uint32(len(a.b)-at-4))
	a.n++
}

// full reports that a statement should not take more.
func (a *array) full() bool { return a.n >= chunkRows || len(a.b) >= chunkBytes }

// bytes returns the finished array.
func (a *array) bytes() []byte {
	binary.BigEndian.PutUint32(a.b[12:], a.n)
	return a.b
}

// command is a statement with its arguments in binary form.
type command struct {
	sql   string
	args  [][]byte
	types []uint32
	rows  int64
}

// The types of arguments, and that of their form.
const (
	typeNumber  = pgtype.Int8OID
	typeText    = pgtype.TextOID
	typeBlob    = pgtype.ByteaOID
	typeInstant = pgtype.TimestamptzOID
	typeNumbers = pgtype.Int8ArrayOID
	typeTexts   = pgtype.TextArrayOID
	typeBlobs   = pgtype.ByteaArrayOID

	binaryForm int16 = 1
)

func numberArg(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// epoch is when a database's time begins.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func instantArg(t time.Time) []byte { return numberArg(t.UnixMicro() - epoch.UnixMicro()) }
