package pgstore

import (
	"encoding/base64"
	"encoding/binary"
	"time"
	"unicode/utf8"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/store"
)

// cursor is where a page of a listing begins, oldest first: behind the entry that was created then
// and has this id.
type cursor struct {
	created time.Time
	id      string
	limit   int
	ask     int // for how many rows: one more tells whether there is a next page
}

const (
	timeLen = 8
	// maxPage bounds what one page may hold in memory, whatever was asked for.
	maxPage = 10_000
)

var (
	errLimit = fault.New(fault.Invalid, "page size must be at least 1")
	errToken = fault.New(fault.BadToken, "the page token is not one of this listing")
	// No entry was created at these times or beyond them.
	dawn = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	dusk = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
)

func cursorOf(p store.Page) (cursor, error) {
	if p.Limit < 1 {
		return cursor{}, errLimit
	}
	limit := min(p.Limit, maxPage)
	at := cursor{created: dawn, limit: limit, ask: limit + 1}
	if p.After == "" {
		return at, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(p.After)
	if err != nil || len(b) < timeLen || !utf8.Valid(b[timeLen:]) {
		return cursor{}, errToken
	}
	at.created = time.UnixMicro(int64(binary.BigEndian.Uint64(b))).UTC()
	at.id = string(b[timeLen:])
	if y := at.created.Year(); y < 1 || y > 9999 {
		return cursor{}, errToken
	}
	return at, nil
}

// cut cuts what was asked for too much off a page, and makes the token of the next.
func cut[T any](page []T, p cursor, of func(*T) (time.Time, string)) ([]T, string) {
	if len(page) <= p.limit {
		return page, ""
	}
	page = page[:p.limit]
	return page, cursorText(of(&page[p.limit-1]))
}

// cursorText returns a page token.
func cursorText(created time.Time, id string) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(created.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(append(b, id...))
}
