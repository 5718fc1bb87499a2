package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// Compare draws sequences of operations, does each on a new store of both places, and
// wants the same answer to every one. A sequence that fails is made as short as it
// can be.
func Compare(t *testing.T, a, b Opener) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		// Left to itself, rapid draws short sequences, where little happens.
		n := rapid.SampledFrom([]int{1, 3, 10, 30, 100, 200}).Draw(rt, "operations")
		ops := rapid.SliceOfN(rapid.Custom(drawOp), n, n).Draw(rt, "ops")
		if rapid.Bool().Draw(rt, "prepared") {
			ops = append(slices.Clone(prelude), ops...)
		}
		difference := ""
		synctest.Test(t, func(t *testing.T) { difference = compare(t, ops, a, b) })
		if difference != "" {
			rt.Fatal(difference)
		}
	})
}

// op is one operation, by numbers that name few different things, so that they meet.
// Lists with an odd ID have members with unique keys.
type op struct {
	Name    string
	Owner   int // 0, 1
	ID      int // 0 to 3, of a job or list, or an index
	Key     int // of a member, or what else varies
	N       int // of what is limited or optional; 0 to 4
	Records []string
}

func (o op) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s owner=%d id=%d key=%d n=%d %s", o.Name, o.Owner, o.ID, o.Key, o.N, strings.Join(o.Records, "; ")))
}

// prelude leads to where most operations mean something.
var prelude = []op{
	{Name: "CreateList", ID: 0},
	{Name: "CreateList", ID: 1, Key: 1},
	{Name: "CreateList", Owner: 1, ID: 0},
	{Name: "CreateJob", ID: 0, Key: 3},
	{Name: "CreateJob", ID: 1, Key: 3},
	{Name: "CreateJob", Owner: 1, ID: 0, Key: 3},
	{Name: "Claim"},
	{Name: "Begin"},
	{Name: "Claim"},
	{Name: "Begin"},
}

// opNames has an operation as often as it is to be drawn: what ends a job or a list
// seldom, or there would be nothing left.
var opNames = slices.Concat(
	slices.Repeat([]string{"Prepare", "Commit", "PutMember"}, 6),
	slices.Repeat([]string{"CreateJob", "Claim", "Begin", "ChangeMember", "DeleteMember", "ListMembers", "CreateList", "Sleep"}, 3),
	[]string{
		"ChangeJob", "DeleteJob", "DeleteJob", "ListJobs", "UnfinishedJob", "Waiting", "JobCounts", "Renew", "Release", "Postpone", "Postpone", "Finish", "Discard", "Rejects",
		"ChangeList", "ListLists", "FindLists", "DeleteList", "DeleteListWithJobs", "DeleteListWithJobs", "Member", "Reopen",
	},
)

func drawOp(t *rapid.T) op {
	o := op{
		Name:  rapid.SampledFrom(opNames).Draw(t, "name"),
		Owner: rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "owner"),
		ID:    rapid.IntRange(0, 3).Draw(t, "id"),
		Key:   rapid.IntRange(0, 5).Draw(t, "key"),
		N:     rapid.IntRange(0, 4).Draw(t, "n"),
	}
	if o.Name == "Prepare" {
		o.Records = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			verb := rapid.SampledFrom([]string{"put", "put", "put", "del", "bad"}).Draw(t, "verb")
			return fmt.Sprintf("%s %s %d", verb, memberName(rapid.IntRange(0, 5).Draw(t, "key")), rapid.IntRange(0, 9).Draw(t, "value"))
		}), 0, 12).Draw(t, "records")
	}
	return o
}

func memberName(n int) string {
	return []string{"a", "a\x00", "aa", "b@example.com", "b@example.co", "b@example.com.long.enough.to.differ.late"}[n]
}

// player is a store and what it has given to be used later.
type player struct {
	ctx      context.Context
	s        store.Store
	open     func() store.Store
	leases   []job.Lease
	prepared []prepared
	rooms    int64 // given out, see room
}

type prepared struct {
	lease int
	p     store.Prepared
}

func compare(t *testing.T, ops []op, a, b Opener) string {
	players := [2]*player{}
	for i, opener := range []Opener{a, b} {
		players[i] = &player{ctx: t.Context(), open: opener(t)}
		players[i].s = players[i].open()
		defer func() { players[i].s.Close() }()
	}
	for i, o := range ops {
		// One after the other at the same moment, but for sleeping, which is for both.
		first, second := players[0].do(o), players[1].do(o)
		sleep(o)
		if first != second {
			return fmt.Sprintf("after %d operations, %v:\n first %s\nsecond %s", i, o, first, second)
		}
	}
	return ""
}

func answer(err error, format string, args ...any) string {
	if err != nil {
		return "error " + fault.KindOf(err).String()
	}
	return fmt.Sprintf(format, args...)
}
