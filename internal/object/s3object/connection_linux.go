package s3object

import "syscall"

// tcpUserTimeout is TCP_USER_TIMEOUT of tcp(7): how many milliseconds sent bytes may stay
// unacknowledged before the connection is given up.
const tcpUserTimeout = 0x12

func limitUnacknowledged(_, _ string, c syscall.RawConn) error {
	var err error
	if controlErr := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, 15_000)
	}); controlErr != nil {
		return controlErr
	}
	return err
}
