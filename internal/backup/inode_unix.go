//go:build unix

package backup

import (
	"io/fs"
	"syscall"
)

// inode returns the number of a file on its file system, 0 if that is not known.
func inode(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}

// isMountPoint reports whether a directory is the root of a file system of its own.
func isMountPoint(dir string) bool {
	var own, parent syscall.Stat_t
	return syscall.Stat(dir, &own) == nil && syscall.Stat(dir+"/..", &parent) == nil && own.Dev != parent.Dev
}
