package pgstore

import (
	"context"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

const (
	sqlToken = `SELECT input, id FROM tokens
		WHERE account = $1 AND region = $2 AND thing = $3 AND kind = $4 AND token = $5`
	sqlKeepToken = `INSERT INTO tokens (account, region, thing, kind, token, input, id)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`
	sqlForgetToken = `DELETE FROM tokens
		WHERE account = $1 AND region = $2 AND thing = $3 AND kind = $4 AND id COLLATE "C" = $5`
)

// lock lets one transaction at a time create or count an owner's things of one kind.
func (a *attempt) lock(ctx context.Context, things string, o job.Owner, kind string) error {
	name := strings.Join([]string{things, o.Account, o.Region, kind}, "/") // unlucky names share a lock
	_, err := a.Exec(ctx, sqlLock, name)
	return err
}

// clientToken is a store.Once, and what it is good for. Whoever uses one has the lock on
// what it creates.
type clientToken struct {
	owner       job.Owner
	thing, kind string
	store.Once
}

// find returns the id of what was created with the token before; fault.Conflict if
// something else was asked for.
func (t clientToken) find(ctx context.Context, a *attempt) (id string, ok bool, err error) {
	if t.Token == "" {
		return "", false, nil
	}
	var input string
	err = a.QueryRow(ctx, sqlToken, t.owner.Account, t.owner.Region, t.thing, t.kind, t.Token).Scan(&input, &id)
	switch {
	case none(err):
		return "", false, nil
	case err == nil && input != t.Input:
		err = fault.New(fault.Conflict, "the client token was used with other parameters")
	}
	return id, err == nil, err
}

func (t clientToken) keep(ctx context.Context, a *attempt, id string) error {
	if t.Token == "" {
		return nil
	}
	_, err := a.Exec(ctx, sqlKeepToken, t.owner.Account, t.owner.Region, t.thing, t.kind, t.Token, t.Input, id)
	return err
}
