package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// untilSignal returns a context that the first SIGINT or SIGTERM cancels. The second
// ends the process at once, whatever it is doing. The handler stays for that: the
// default action of a signal is not taken in the first process of a container.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		exit := 1
		if number, ok := (<-signals).(syscall.Signal); ok {
			exit = 128 + int(number) // as shells have it
		}
		os.Exit(exit)
	}()
	return ctx, cancel
}
