package engine

import "github.com/sluicehq/sluice/internal/destination"

// WithRule returns options whose jobs are decided by what wrap makes of their rules.
func (o Options) WithRule(wrap func(destination.Rule) destination.Rule) Options {
	o.wrapRule = wrap
	return o
}
