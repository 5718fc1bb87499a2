//go:build !unix

package main

import "log/slog"

// keepPrivate does nothing: access is not a matter of modes here.
func keepPrivate(string, *slog.Logger) error { return nil }
