package pgstore

import "context"

// Where a database does not have this function, the size is not known.
const sqlBytes = `SELECT pg_database_size(current_database())`

// Bytes returns how much space the database takes, with what else is in it. It does not
// wait for a lost database.
func (s *Store) Bytes(ctx context.Context) (n int64, err error) {
	err = s.once(ctx).QueryRow(ctx, sqlBytes).Scan(&n)
	return n, s.toFault(ctx, err)
}
