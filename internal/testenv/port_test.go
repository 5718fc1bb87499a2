package testenv

import (
	"fmt"
	"net"
	"testing"
)

func TestPort(t *testing.T) {
	t.Parallel()
	port, err := Port()
	if err != nil {
		t.Fatal(err)
	}
	if port < firstPort || port >= endPort {
		t.Errorf("port %d, want one from %d to %d", port, firstPort, endPort)
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	_ = l.Close()
}
