//go:build !unix

package main

import (
	"io/fs"
	"log/slog"
)

// keepPrivate does nothing: access is not a matter of modes here.
func keepPrivate(string, *slog.Logger) error { return nil }

func isReadableByOthers(fs.FileInfo) bool { return false }
