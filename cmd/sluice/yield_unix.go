//go:build unix

package main

import (
	"os"
	"strconv"
	"syscall"
)

// yield lets other processes go first when the processor is busy. On Linux a priority is
// that of a thread, and threads made later inherit it.
func yield() {
	const nice = 10
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, nice)
	threads, _ := os.ReadDir("/proc/self/task")
	for _, t := range threads {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			_ = syscall.Setpriority(syscall.PRIO_PROCESS, id, nice)
		}
	}
}
