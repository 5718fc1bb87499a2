package pebblestore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// checkLists reads every list with its members and their unique keys.
func (c *rowCheck) checkLists() error {
	return c.eachOf(tableLists, "lists", func(k, v []byte) error {
		ref, id, err := splitKind(k)
		if err != nil {
			c.foundAt(RowUnknown, "list "+digest(k), [][]byte{bytes.Clone(k)}, "%v", err)
			return nil
		}
		ref.ID = string(id)
		c.totals.Lists++
		row, problem := decodeListRow(ref, v)
		if problem != nil {
			c.foundAt(RowDamaged, listName(ref), c.rowsOfList(ref), "%v", problem)
			return nil
		}
		c.number(&c.lists, row.Number, listName(ref))
		c.checkListIndexes(row)
		if err := c.checkMembers(row); err != nil || !row.List.UniqueKeys {
			return err
		}
		return c.checkUniqueKeys(row)
	})
}

func decodeListRow(ref store.ListRef, v []byte) (*listRow, error) {
	row := new(listRow)
	if err := json.Unmarshal(v, row); err != nil {
		return nil, fmt.Errorf("the row does not decode: %w", err)
	}
	if row.List.Ref != ref {
		return nil, fmt.Errorf("the row is that of list %s", printable(row.List.Ref.ID))
	}
	return row, nil
}

// rowsOfList returns the keys of a list whose row is damaged, and of the index rows
// that refer to it.
func (c *rowCheck) rowsOfList(ref store.ListRef) [][]byte {
	keys := [][]byte{keyOfList(ref)}
	add := func(key []byte) { keys = append(keys, bytes.Clone(key)) }
	names, order := keyOfListName(ref, ""), listOrderPrefix(ref.Owner, ref.Kind)
	_ = c.each(keyRange{names, after(names)}, "names of lists", func(key, v []byte) error {
		if string(v) == ref.ID {
			add(key)
		}
		return nil
	})
	_ = c.each(keyRange{order, after(order)}, "index of lists", func(key, _ []byte) error {
		if rest := key[len(order):]; len(rest) >= timeLen && string(rest[timeLen:]) == ref.ID {
			add(key)
		}
		return nil
	})
	c.tokensOf(ref.Owner, tokenOfList, ref.ID, add)
	return keys
}

func (c *rowCheck) checkListIndexes(row *listRow) {
	ref := row.List.Ref
	c.checkToken(listName(ref), keyOfToken(ref.Owner, tokenOfList, string(ref.Kind), row.Token), row.Token, ref.ID)
	id, ok := c.get(keyOfListName(ref, row.List.Name), "names of lists")
	if ok && string(id) != ref.ID {
		c.found(IndexMissing, listName(ref), "its name does not lead to it")
	}
	if has, ok := c.has(keyOfListOrder(&row.List), "index of lists"); ok && !has {
		c.found(IndexMissing, listName(ref), "is missing from the index of lists")
	}
}

func (c *rowCheck) checkMembers(row *listRow) error {
	ref, position := row.List.Ref, int64(0)
	return c.each(memberRange(row.Number), "members of "+listName(ref), func(k, v []byte) error {
		position++
		c.totals.Members++
		key := k[memberPrefixLen:]
		unique, err := c.checkMember(row, key, v)
		if err != nil {
			c.foundAt(MemberDamaged, memberName(ref, position, key), [][]byte{bytes.Clone(k)}, "%v", err)
			return nil
		}
		c.checkUniqueKeysOf(row, position, key, unique)
		return nil
	})
}

// checkMember returns the unique keys of a member.
func (c *rowCheck) checkMember(row *listRow, key, v []byte) (unique []string, err error) {
	_, _, value, err := cutMemberValue(v)
	if err == nil && row.List.UniqueKeys {
		var n int
		unique, n, err = cutUniqueKeys(value)
		value = value[n:]
	}
	if err == nil {
		err = c.options.Member(row.List.Ref, key, value, unique)
	}
	return unique, err
}

// memberName names a member without its key.
func memberName(ref store.ListRef, position int64, key []byte) string {
	return fmt.Sprintf("member %d (key %s) of %s", position, digest(key), listName(ref))
}

// checkUniqueKeysOf checks that the unique keys of a member lead to it.
func (c *rowCheck) checkUniqueKeysOf(row *listRow, position int64, key []byte, unique []string) {
	if len(unique) == 0 {
		return
	}
	name := memberName(row.List.Ref, position, key)
	for _, u := range unique {
		holder, ok := c.get(keyOfUniqueKey(row.Number, u), name)
		switch {
		case !ok || bytes.Equal(holder, key):
		case holder == nil:
			c.found(UniqueKeyWrong, name, "its unique key %s is not stored: another member may take it", digest([]byte(u)))
		default:
			c.found(UniqueKeyWrong, name, "its unique key %s belongs to another member", digest([]byte(u)))
		}
	}
}

// checkUniqueKeys checks that each unique key leads to a member that has it.
func (c *rowCheck) checkUniqueKeys(row *listRow) error {
	ref, prefix := row.List.Ref, len(uniqueKeyPrefix(row.Number))
	return c.each(uniqueKeyRange(row.Number), "unique keys of "+listName(ref), func(k, v []byte) error {
		name := fmt.Sprintf("unique key %s of %s", digest(k[prefix:]), listName(ref))
		member, ok := c.get(keyOfMember(row.Number, string(v)), name)
		if !ok {
			return nil
		}
		unique, err := []string(nil), error(nil)
		if member != nil {
			unique, err = uniqueKeysOf(member)
		}
		if err == nil && !slices.Contains(unique, string(k[prefix:])) {
			c.foundAt(UniqueKeyWrong, name, [][]byte{bytes.Clone(k)}, "no member has it: it keeps others from using it")
		}
		return nil
	})
}

func (c *rowCheck) checkListNames() error {
	return c.eachOf(tableListNames, "names of lists", func(k, v []byte) error {
		ref, name, err := splitKind(k)
		if err != nil {
			c.foundAt(RowUnknown, "name of a list "+digest(k), [][]byte{bytes.Clone(k)}, "%v", err)
			return nil
		}
		ref.ID = string(v)
		c.checkListIndex(k, ref, "index of names", func(row *listRow) bool { return row.List.Name == string(name) })
		return nil
	})
}

func (c *rowCheck) checkListOrder() error {
	return c.eachOf(tableListOrder, "index of lists", func(k, _ []byte) error {
		ref, rest, err := splitKind(k)
		if err != nil || len(rest) < timeLen {
			c.foundAt(RowUnknown, "index of lists "+digest(k), [][]byte{bytes.Clone(k)}, "%v", errBadKey)
			return nil
		}
		ref.ID = string(rest[timeLen:])
		c.checkListIndex(k, ref, "index of lists", func(row *listRow) bool { return bytes.Equal(keyOfListOrder(&row.List), k) })
		return nil
	})
}

func (c *rowCheck) checkListIndex(row []byte, ref store.ListRef, what string, fits func(*listRow) bool) {
	v, ok := c.get(keyOfList(ref), listName(ref))
	if !ok {
		return
	}
	if v == nil {
		c.foundAt(IndexDangling, listName(ref), [][]byte{bytes.Clone(row)}, "is in the %s and does not exist", what)
		return
	}
	if list, err := decodeListRow(ref, v); err == nil && !fits(list) {
		c.foundAt(IndexDangling, listName(ref), [][]byte{bytes.Clone(row)}, "is in the %s where it does not belong", what)
	}
}

// checkTokens checks that what a token has created exists.
func (c *rowCheck) checkTokens() error {
	return c.eachOf(tableTokens, "client tokens", func(k, v []byte) error {
		name := "client token " + digest(k)
		o, rest, err := splitOwner(k)
		what, rest, ok1 := cutField(rest)
		kind, _, ok2 := cutField(rest)
		if err != nil || !ok1 || !ok2 || what != tokenOfJob && what != tokenOfList {
			c.foundAt(RowUnknown, name, [][]byte{bytes.Clone(k)}, "%v", errBadKey)
			return nil
		}
		var t token
		if err := json.Unmarshal(v, &t); err != nil {
			c.foundAt(RowDamaged, name, [][]byte{bytes.Clone(k)}, "the row does not decode: %v", err)
			return nil
		}
		target, of := keyOfJob(jobKey{owner: o, id: job.ID(t.ID)}), jobName(jobKey{owner: o, id: job.ID(t.ID)})
		if what == tokenOfList {
			ref := store.ListRef{Owner: o, Kind: job.Kind(kind), ID: t.ID}
			target, of = keyOfList(ref), listName(ref)
		}
		if has, ok := c.has(target, of); ok && !has {
			c.foundAt(IndexDangling, name, [][]byte{bytes.Clone(k)}, "it has created %s, which does not exist", of)
		}
		return nil
	})
}

// checkToken checks that the token that something was created with leads to it.
func (c *rowCheck) checkToken(name string, key []byte, text, id string) {
	if text == "" {
		return
	}
	v, ok := c.get(key, name)
	var t token
	if !ok || v != nil && json.Unmarshal(v, &t) != nil { // which is reported with the tokens
		return
	}
	if t.ID != id {
		c.found(IndexMissing, name, "its client token does not lead to it: the same creation again would make another")
	}
}

// tokensOf calls add with the keys of an owner's client tokens that have created id.
func (c *rowCheck) tokensOf(o job.Owner, what, id string, add func(key []byte)) {
	prefix := appendField(ownerPrefix(tableTokens, o), what)
	_ = c.each(keyRange{prefix, after(prefix)}, "client tokens", func(k, v []byte) error {
		var t token
		if json.Unmarshal(v, &t) == nil && t.ID == id {
			add(k)
		}
		return nil
	})
}

func (c *rowCheck) checkDeletedLists() error {
	return c.eachOf(tableDeletedLists, "deleted lists", func(k, v []byte) error {
		if _, err := decodeDeletedList(k, v); err != nil {
			c.foundAt(RowDamaged, fmt.Sprintf("deleted list %x", k), [][]byte{bytes.Clone(k)}, "the row does not decode: %v", err)
		}
		return nil
	})
}
