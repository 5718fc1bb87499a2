package conformance

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// certificate is a certificate for localhost and its key, as a server reads them.
type certificate struct {
	certFile, keyFile string
	pool              *x509.CertPool // of all that were written
}

func newCertificate(t *testing.T) *certificate {
	t.Helper()
	dir := t.TempDir()
	return &certificate{certFile: filepath.Join(dir, "cert.pem"), keyFile: filepath.Join(dir, "key.pem"), pool: x509.NewCertPool()}
}

// write replaces both files. Their times are always the same, as of files that were unpacked.
func (c *certificate) write(t *testing.T, serial int64) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	c.pool.AddCert(parsed)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	writeAt(t, c.certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	writeAt(t, c.keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

// writeAt writes a file whose time of change is always the same.
func writeAt(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
}

// secureConn is a TLS connection that a caller keeps.
type secureConn struct {
	*tls.Conn
	in *bufio.Reader
}

func (c *certificate) dial(t *testing.T, s *server) *secureConn {
	t.Helper()
	conn, err := tls.Dial("tcp", s.host(t), &tls.Config{RootCAs: c.pool, ServerName: "localhost", MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatalf("connect: %v\n%s", err, s.log)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
	return &secureConn{conn, bufio.NewReader(conn)}
}

func (c *secureConn) serial() int64 {
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// get returns the status of GET /livez; 0 if the connection is closed.
func (c *secureConn) get() int {
	if _, err := io.WriteString(c, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return 0
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

func (s *server) host(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// TestSIGHUPReloadsTheCertificate: SIGHUP makes a running server use new files of its
// certificate for new connections, though their times are those of the old ones. Files
// that cannot be read, or do not belong together, change nothing and make a line of the
// log. Connections that are open stay.
func TestSIGHUPReloadsTheCertificate(t *testing.T) {
	t.Parallel()
	c := newCertificate(t)
	c.write(t, 1)
	s := start(t, "--tls-cert", c.certFile, "--tls-key", c.keyFile)
	before := c.dial(t, s)
	if status := before.get(); status != 200 || before.serial() != 1 {
		t.Fatalf("before: status %d, certificate %d; want 200, 1", status, before.serial())
	}
	hup := func(says string) {
		t.Helper()
		n := strings.Count(s.log.String(), says)
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		within(t, time.Minute, fmt.Sprintf("the log has one more line %q", says), func() bool {
			return strings.Count(s.log.String(), says) > n
		})
	}
	want := func(moment string, serial int64) {
		t.Helper()
		conn := c.dial(t, s)
		defer conn.Close()
		if status := conn.get(); status != 200 || conn.serial() != serial {
			t.Errorf("%s: status %d, certificate %d on a new connection; want 200, %d", moment, status, conn.serial(), serial)
		}
		if status := before.get(); status != 200 {
			t.Errorf("%s: status %d on the connection from before; want 200", moment, status)
		}
	}
	const reloaded, notReloaded = `msg="certificate reloaded"`, `msg="certificate not reloaded"`

	c.write(t, 2)
	hup(reloaded)
	want("after new files", 2)

	key, err := os.ReadFile(c.keyFile)
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, 3)
	writeAt(t, c.keyFile, key)
	hup(notReloaded)
	want("with the key of another certificate", 2)

	writeAt(t, c.certFile, []byte("half a fi"))
	hup(notReloaded)
	want("with a broken file", 2)

	if err := os.Remove(c.certFile); err != nil {
		t.Fatal(err)
	}
	hup(notReloaded)
	want("without a file", 2)

	c.write(t, 4)
	hup(reloaded)
	want("after new files again", 4)

	n := strings.Count(s.log.String(), "certificate")
	hup(`msg="settings reloaded"`)
	if got := strings.Count(s.log.String(), "certificate"); got != n {
		t.Errorf("SIGHUP with the same files: %d lines about certificates, want %d", got, n)
	}
}

// TestTLSConnectionsAreBounded: connections on which no handshake has begun, or that
// stopped in the middle of one, or that are idle after it, count in the bound and give
// way to those of callers. An upload stays.
func TestTLSConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	c := newCertificate(t)
	c.write(t, 1)
	const most = 16
	s := start(t, "--tls-cert", c.certFile, "--tls-key", c.keyFile, "--max-connections", strconv.Itoa(most))
	upload := c.dial(t, s)
	u, err := url.Parse(s.uploadLink(t, "k"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(upload, "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 10\r\n\r\nhello", u.RequestURI(), u.Host)
	within(t, time.Minute, "the upload has begun", func() bool {
		_, metrics := s.get(t, "/metrics")
		return strings.Contains(metrics, "sluice_requests_in_flight 2") // it, and this
	})

	hello := clientHello(t)
	for _, held := range []struct {
		name string
		dial func() net.Conn
	}{
		{"silent", func() net.Conn { return s.dialPlain(t, nil) }},
		{"in a ClientHello", func() net.Conn { return s.dialPlain(t, hello[:len(hello)/2]) }},
		{"after a ClientHello", func() net.Conn { return s.dialPlain(t, hello) }},
		{"no TLS", func() net.Conn { return s.dialPlain(t, []byte("GET / ")) }},
		{"idle", func() net.Conn { return c.dial(t, s) }},
	} {
		var conns []net.Conn
		for range 2 * most {
			conns = append(conns, held.dial())
		}
		for range 3 {
			if status := c.dial(t, s).get(); status != 200 {
				t.Errorf("beside connections that are %s: status %d, want 200", held.name, status)
			}
		}
		within(t, time.Minute, fmt.Sprintf("there are %d connections at most beside those that are %s", most, held.name), func() bool {
			return s.sockets(t) <= most+1 // one listens
		})
		for _, conn := range conns {
			conn.Close()
		}
	}
	io.WriteString(upload, "world")
	res, err := http.ReadResponse(upload.in, nil)
	if err != nil {
		t.Fatalf("the upload was cut: %v", err)
	}
	res.Body.Close()
	if res.StatusCode != 200 {
		t.Errorf("the upload: status %d, want 200", res.StatusCode)
	}
}

// sockets returns how many sockets the server has.
func (s *server) sockets(t *testing.T) (n int) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if to, err := os.Readlink(filepath.Join(dir, file.Name())); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}

// dialPlain connects without TLS, sends some bytes and waits for nothing.
func (s *server) dialPlain(t *testing.T, text []byte) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.host(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_, _ = conn.Write(text) // it may be closed already
	return conn
}

// clientHello returns the first message of a handshake.
func clientHello(t *testing.T) []byte {
	t.Helper()
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		defer client.Close()
		_ = tls.Client(client, &tls.Config{ServerName: "localhost", MinVersion: tls.VersionTLS12}).HandshakeContext(t.Context())
	}()
	text := make([]byte, 16<<10)
	n, err := server.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	return text[:n]
}
