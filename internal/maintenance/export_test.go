package maintenance

// SetMost sets how much a duty removes in a round.
func (m *Maintenance) SetMost(n int) { m.most = n }
