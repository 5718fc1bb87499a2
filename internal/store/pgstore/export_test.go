package pgstore

// KeepIdleTransactions lets a transaction stay open however long it asks for nothing, for
// tests that have something else happen in the middle of one.
func (s *Store) KeepIdleTransactions() { s.idle = 0 }
