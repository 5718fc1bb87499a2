package pebblestore

import (
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/pebbledb"
	"github.com/sluicehq/sluice/internal/store"
)

// The keys. A table is the first byte of its keys; all that is about jobs and lists
// sorts before the first member, so that files of members never lie over rows.
//
//	s                                  how far numbers are given out
//	s  1                               which indexes of jobs have every job
//	x  name                            a secret
//	b                                  the id shared with the object index, as JSON
//	j  owner id                        a job, as JSON, without what w holds
//	c  owner created id                an owner's jobs, oldest first: nothing
//	a  owner list created id           the same by the list that they import into: nothing
//	i  owner wire created id           the same by the API that they came by: nothing
//	r  owner bucket key created id     the same by the object that they read: nothing
//	h  owner state created id          the jobs that have ended, by their state: nothing
//	k  owner list state created id     the jobs that have ended, by their list and state: nothing
//	e  owner created id                jobs that are not final, oldest first: their state
//	f  owner kind list id              the same by the list that they import into: their state
//	u  owner wire id                   the same by the API that they came by: their state
//	l  owner kind id                   a list, as JSON
//	n  owner kind name                 the id of the list of that name
//	o  owner kind created id           an owner's lists, oldest first: nothing
//	t  owner what kind token           what a creation with a token made
//	g  number                          a deleted list whose jobs are to be removed, see deletedjobs.go
//	d  start                           where a range ends that is to be cut out, see sweep.go
//	q  key                             a row that a repair has set aside, by its former key
//	w  number 0                        how far a job is: counts and checkpoint, as JSON
//	w  number 1 record                 a job's reject
//	y  number unique                   the key of the list's member that has the unique key
//	z  number key                      a list's member
//
// Every field but a key's last has its length before it, so that one owner's keys
// are never inside another's. Numbers are 8 bytes, big-endian, and never given out
// twice: a list made again under an old ID has new keys, and what was left behind
// under the old ones cannot come back. Times are microseconds, 8 bytes.
const (
	tableSequence         = 's'
	tableSecrets          = 'x'
	tableBinding          = 'b'
	tableJobs             = 'j'
	tableJobOrder         = 'c'
	tableJobsOfList       = 'a'
	tableJobsOfWire       = 'i'
	tableJobsOfSource     = 'r'
	tableEndedJobs        = 'h'
	tableEndedJobsOfList  = 'k'
	tableUnfinishedOrder  = 'e'
	tableUnfinishedOfList = 'f'
	tableUnfinished       = 'u'
	tableLists            = 'l'
	tableListNames        = 'n'
	tableListOrder        = 'o'
	tableTokens           = 't'
	tableDeletedLists     = 'g'
	tableNotes            = 'd'
	tableSetAside         = 'q'
	tableWork             = 'w'
	tableUniqueKeys       = 'y'
	tableMembers          = 'z'
)

const (
	workProgress = 0
	workRejects  = 1
)

func appendField[S ~string](k []byte, field S) []byte {
	k = binary.AppendUvarint(k, uint64(len(field)))
	return append(k, field...)
}

func cutField(k []byte) (field string, rest []byte, ok bool) {
	n, size := binary.Uvarint(k)
	if size <= 0 || n > uint64(len(k)-size) {
		return "", nil, false
	}
	k = k[size:]
	return string(k[:n]), k[n:], true
}

func ownerPrefix(table byte, o job.Owner) []byte {
	k := make([]byte, 0, 96)
	k = append(k, table)
	k = appendField(k, o.Account)
	return appendField(k, o.Region)
}

func kindPrefix(table byte, o job.Owner, k job.Kind) []byte {
	return appendField(ownerPrefix(table, o), k)
}

func keyOfSequence() []byte { return []byte{tableSequence} }

func keyOfBinding() []byte { return []byte{tableBinding} }

func keyOfJobIndexes() []byte { return []byte{tableSequence, 1} }

func keyOfSecret(name string) []byte { return append([]byte{tableSecrets}, name...) }

func keyOfJob(k jobKey) []byte { return append(ownerPrefix(tableJobs, k.owner), k.id...) }

func keyOfList(r store.ListRef) []byte {
	return append(kindPrefix(tableLists, r.Owner, r.Kind), r.ID...)
}

func keyOfListName(r store.ListRef, name string) []byte {
	return append(kindPrefix(tableListNames, r.Owner, r.Kind), name...)
}

func listOrderPrefix(o job.Owner, k job.Kind) []byte {
	return kindPrefix(tableListOrder, o, k)
}

func keyOfListOrder(l *store.List) []byte {
	return append(appendTime(listOrderPrefix(l.Ref.Owner, l.Ref.Kind), l.Created), l.Ref.ID...)
}

// What a token may have created.
const (
	tokenOfJob  = "job"
	tokenOfList = "list"
)

func tokenPrefix(o job.Owner, what, kind string) []byte {
	return appendField(appendField(ownerPrefix(tableTokens, o), what), kind)
}

func keyOfToken(o job.Owner, what, kind, token string) []byte {
	return append(tokenPrefix(o, what, kind), token...)
}

func keyOfDeletedList(number uint64) []byte { return appendNumber([]byte{tableDeletedLists}, number) }

func keyOfNote(r keyRange) []byte { return append([]byte{tableNotes}, r.start...) }

func appendNumber(k []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(k, n) }

func keyOfProgress(number uint64) []byte {
	return append(appendNumber([]byte{tableWork}, number), workProgress)
}

func rejectPrefix(number uint64) []byte {
	return append(appendNumber(append(make([]byte, 0, 24), tableWork), number), workRejects)
}

func rejectRange(number uint64) keyRange {
	return keyRange{rejectPrefix(number), after(rejectPrefix(number))}
}

func uniqueKeyPrefix(number uint64) []byte {
	return appendNumber(append(make([]byte, 0, 80), tableUniqueKeys), number)
}

func uniqueKeyRange(number uint64) keyRange {
	return keyRange{uniqueKeyPrefix(number), uniqueKeyPrefix(number + 1)}
}

func keyOfUniqueKey(number uint64, key string) []byte { return append(uniqueKeyPrefix(number), key...) }

// memberPrefixLen is how long memberPrefix is.
const memberPrefixLen = 9

func memberPrefix(number uint64) []byte {
	return appendNumber(append(make([]byte, 0, 80), tableMembers), number)
}

func memberRange(number uint64) keyRange {
	return keyRange{memberPrefix(number), memberPrefix(number + 1)}
}

func keyOfMember(number uint64, key string) []byte { return append(memberPrefix(number), key...) }

// after returns the first key behind all that have the prefix.
func after(prefix []byte) []byte { return pebbledb.PrefixEnd(prefix) }

// appendTime appends a time such that earlier ones sort first, also those before 1970.
func appendTime(k []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(k, uint64(t.UnixMicro())^1<<63)
}

// A page token of a listing in creation order is what follows the prefix in the order table,
// as text.

func cursorText(cursor []byte) string { return base64.RawURLEncoding.EncodeToString(cursor) }

func cursorOf(token string) ([]byte, error) {
	cursor, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(cursor) < timeLen {
		return nil, fault.New(fault.BadToken, "the page token is not one of this listing")
	}
	return cursor, nil
}

const timeLen = 8

// stamp is a time as the store keeps it.
func stamp(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}
