package testenv

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Systems take the ports of clients, and of those who ask for any, from a range that
// begins at 32768 or later.
const firstPort, endPort = 20_000, 32_000

// Port returns a port of the loopback interface for a program that must be told one. It
// is free, and no system gives it away by itself: the program finds it free when it gets
// there, and again when it is restarted. Only another caller may choose the same.
func Port() (int, error) {
	var last error
	for range 100 {
		port := firstPort + rand.IntN(endPort-firstPort)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
		last = err
	}
	return 0, fmt.Errorf("find a free port: %w", last)
}
