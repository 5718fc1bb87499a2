package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// interruption is the cause of a context that a signal canceled.
type interruption struct{ signal syscall.Signal }

func (i interruption) Error() string { return "interrupted by " + i.signal.String() }

// Is reports whether the interruption is a cancellation, which it always is.
func (i interruption) Is(target error) bool { return target == context.Canceled }

// signalOf returns the signal that ended a context; SIGINT if something else did.
func signalOf(ctx context.Context) syscall.Signal {
	if i, ok := context.Cause(ctx).(interruption); ok {
		return i.signal
	}
	return syscall.SIGINT
}

// interruptedError says what an interrupted command leaves behind. Its exit code is that
// of shells for a process that a signal ended.
type interruptedError struct {
	signal syscall.Signal
	text   string
}

func (e *interruptedError) Error() string { return e.text }

func (e *interruptedError) exitCode() int { return 128 + int(e.signal) }

// Programs such as timeout send a signal to the process and to its group, which makes it
// arrive twice in a moment. Such a pair still leaves the time to clean up.
const (
	pairWithin = 100 * time.Millisecond
	cleanUp    = 5 * time.Second
)

// untilSignal returns a context that the first SIGINT or SIGTERM cancels, with an
// interruption as its cause. The second ends the process at once, whatever it is doing;
// if it came with the first, after cleanUp or at the third.
// The handler stays for that: the default action of a signal is not taken in the first
// process of a container.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		first, _ := (<-signals).(syscall.Signal)
		cancel(interruption{first})
		began := time.Now()
		second, _ := (<-signals).(syscall.Signal)
		if time.Since(began) < pairWithin {
			select {
			case <-signals:
			case <-time.After(cleanUp):
			}
		}
		os.Exit(128 + int(second)) // as shells have it
	}()
	return ctx, func() { cancel(nil) }
}
