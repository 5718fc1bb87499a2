//go:build unix

package main

import "syscall"

// maxOpenFiles is how many files and connections the process may have open; Go has raised
// it to what the system allows.
func maxOpenFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return defaultOpenFiles
	}
	return int(min(limit.Cur, 1<<20)) // it fits
}
