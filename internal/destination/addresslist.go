package destination

import (
	"bytes"

	"github.com/sluicehq/sluice/internal/record"
)

// The lengths of a Mail Manager list's entry, and what may stand beside its *:
// https://docs.aws.amazon.com/ses/latest/dg/eb-addlist.html.
const (
	minEntry     = 3
	maxEntry     = 320
	minStarLocal = 3
	maxStarLocal = 19
	minStarLevel = 2
	maxStarLevel = 9
)

// listField is the name of the column or member that holds an entry.
const listField = "address"

// addressList is the rule for Mail Manager address lists.
type addressList struct{ key []byte }

func newAddressList() *addressList { return &addressList{key: make([]byte, 0, maxEntry)} }

// Schema asks for one address a record: in CSV the column "address", or the only
// column of a source without a header; in JSON {"items":[…]}, an array or values one
// after the other, each an object with the member "address" or the address itself.
func (l *addressList) Schema(f record.Format) record.Schema {
	s := record.Schema{Fields: []string{listField}}
	if f == record.CSV {
		s.Header, s.Starts = record.HeaderOptional, startsList
	} else {
		s.Items, s.Bare = "items", true
	}
	return s
}

// startsList tells an entry, even one that is not quite right, from a column's name.
func startsList(cell []byte) bool {
	if bytes.ContainsAny(cell, "@*") {
		return true
	}
	_, r := ListEntry(nil, cell)
	return r == nil
}

// Decide puts the entry into the list.
func (l *addressList) Decide(rec *record.Record, c *Change) *record.Refusal {
	text, r := addressField(rec)
	if r != nil {
		return r
	}
	if l.key, r = ListEntry(l.key[:0], text); r != nil {
		return r
	}
	*c = Change{Action: Put, Key: l.key}
	return nil
}

// addressField returns the first field of a record, which holds an address.
func addressField(rec *record.Record) ([]byte, *record.Refusal) {
	if rec.Refused != nil {
		return nil, rec.Refused
	}
	switch f := &rec.Fields[0]; f.Kind {
	case record.Text:
		return f.Bytes, nil
	case record.Absent, record.Null:
		return nil, noAddress
	}
	return nil, notText
}

// ListEntry appends the canonical form of an entry of a Mail Manager address list to
// dst. An entry is one of
//
//	name@example.com    one address, as in Address
//	example.com         a domain; @example.com is another way to write it
//	*@example.com       every address of a domain
//	news*@example.com   beside the *, the part before the @ has 3 to 19 characters
//	name@*.example.com  the * stands for sub-domains; 2 to 9 levels follow it
//	*.example.com       the same without a local part
//
// with at most one *. Domains take the form that Address gives them.
func ListEntry(dst, text []byte) ([]byte, *record.Refusal) {
	text = trim(text)
	switch {
	case len(text) == 0:
		return dst, noAddress
	case len(text) < minEntry || len(text) > maxEntry:
		return dst, badLength
	}
	star := bytes.IndexByte(text, '*')
	if star >= 0 && bytes.IndexByte(text[star+1:], '*') >= 0 {
		return dst, twoStars
	}
	at := bytes.LastIndexByte(text, '@')
	key, domain := dst, text[at+1:]
	if at > 0 {
		if r := checkListLocal(text[:at]); r != nil {
			return dst, r
		}
		key = append(key, text[:at+1]...)
	}
	key, r := appendListDomain(key, domain, star > at)
	if r != nil {
		return dst, r
	}
	return key, nil
}

// checkListLocal checks the part before the @, with or without a *.
func checkListLocal(local []byte) *record.Refusal {
	if bytes.IndexByte(local, '*') >= 0 {
		if n := len(local) - 1; n != 0 && n < minStarLocal || n > maxStarLocal {
			return starLocalPart
		}
	}
	return checkLocalPart(local)
}

// appendListDomain appends the canonical form of a domain, which begins with *. if it
// has a star.
func appendListDomain(dst, domain []byte, star bool) ([]byte, *record.Refusal) {
	if !star {
		return appendDomain(dst, domain)
	}
	rest, ok := bytes.CutPrefix(domain, []byte("*."))
	if !ok {
		return dst, starDomain
	}
	dst = append(dst, "*."...)
	from := len(dst)
	dst, r := appendDomain(dst, rest)
	if r == shortDomain {
		return dst, starLevels
	}
	if r != nil {
		return dst, r
	}
	if n := bytes.Count(dst[from:], []byte{'.'}) + 1; n < minStarLevel || n > maxStarLevel {
		return dst, starLevels
	}
	return dst, nil
}
