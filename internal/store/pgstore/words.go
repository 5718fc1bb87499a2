package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/store"
)

// The members of some kinds have words, see destination.Words: the table words says
// which member has which. Whoever writes the members of such a list locks the list's
// row first, for itself alone, so that it looks words up in peace; and the table's key
// keeps them unique even from who does not.

const (
	sqlTaken     = `SELECT word FROM words WHERE list = $1 AND word = ANY ($2::text[]) AND key <> $3`
	sqlDropWords = `DELETE FROM words WHERE list = $1 AND key = $2`
	sqlKeepWords = `INSERT INTO words (list, word, key) SELECT $1, w.word, $3 FROM unnest($2::text[]) AS w(word)`
)

// claim gives a member the words of its new value in place of those it had;
// fault.AlreadyExists if another has one of them. The caller has the list for itself.
func (a *attempt) claim(ctx context.Context, list int64, k destination.Kind, key string, value []byte) error {
	if !destination.Claims(k) {
		return nil
	}
	words, err := destination.Words(k, value)
	if err != nil {
		return err
	}
	texts := make([]string, len(words))
	for i := range words {
		texts[i] = keyText(words[i].Text)
	}
	if err := a.untaken(ctx, list, words, texts, keyText(key)); err != nil {
		return err
	}
	if _, err := a.Exec(ctx, sqlDropWords, list, keyText(key)); err != nil {
		return err
	}
	_, err = a.Exec(ctx, sqlKeepWords, list, texts, keyText(key))
	return err
}

// untaken fails with what the first word says that another member has.
func (a *attempt) untaken(ctx context.Context, list int64, words []destination.Word, texts []string, key string) error {
	rows, err := a.Query(ctx, sqlTaken, list, texts, key)
	if err != nil {
		return err
	}
	taken := make(map[string]bool)
	err = eachRow(rows, func(row pgx.Row) error {
		var word string
		err := row.Scan(&word)
		taken[word] = true
		return err
	})
	if err != nil {
		return err
	}
	for i := range words {
		if taken[texts[i]] {
			return fault.New(fault.AlreadyExists, "%s", words[i].Taken.Reason)
		}
	}
	return nil
}

// putAlone puts a member of a list whose members have words, or which may have o.Max
// members. It has the list for itself meanwhile.
func (s *Store) putAlone(ctx context.Context, r store.ListRef, key string, value []byte, at time.Time, o store.PutOptions) error {
	return s.transact(ctx, func(ctx context.Context, a *attempt) error {
		row, err := listBy(ctx, a, sqlLockList, r)
		if err != nil {
			return err
		}
		var there bool
		if err := a.QueryRow(ctx, sqlIsMember, row.number, keyText(key)).Scan(&there); err != nil {
			return err
		}
		switch {
		case there && o.New && a.unsure:
			return errUnavailable
		case there && o.New:
			return errThere
		}
		if err := a.claim(ctx, row.number, r.Kind, key, value); err != nil {
			return err
		}
		if !there && o.Max > 0 {
			n := 0
			if err := a.QueryRow(ctx, sqlCountMembers, row.number, o.Max).Scan(&n); err != nil {
				return err
			}
			if n >= o.Max {
				return fault.New(fault.LimitExceeded, "the list already holds %d members", n)
			}
			if _, err := a.Exec(ctx, sqlTouchList, row.number); err != nil {
				return err
			}
		}
		_, err = a.changeMember(ctx, r, sqlPutMember, putArgs(r, key, value, at))
		return err
	})
}

// deleteAlone removes a member, and its words with it.
func (s *Store) deleteAlone(ctx context.Context, r store.ListRef, key string) error {
	return s.transact(ctx, func(ctx context.Context, a *attempt) error {
		row, err := listBy(ctx, a, sqlLockList, r)
		if err != nil {
			return err
		}
		done, err := a.changeMember(ctx, r, sqlDeleteMember, append(refArgs(r), keyText(key)))
		switch {
		case err != nil:
			return err
		case done:
			_, err = a.Exec(ctx, sqlDropWords, row.number, keyText(key))
			return err
		case a.unsure:
			return nil
		}
		return store.ErrNoMember
	})
}
