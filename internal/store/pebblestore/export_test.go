package pebblestore

// SetBulk sets from how many changes and rejects on a batch is written as files.
func (s *Store) SetBulk(n int) { s.bulk = n }
