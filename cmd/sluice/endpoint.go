package main

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"github.com/sluicehq/sluice/internal/gateway"
)

// endpoint is how to reach a running server. It writes it into its data directory,
// and takes it away when it ends.
type endpoint struct {
	URL string `json:"url"`
	// CA is a PEM file with the certificate that clients have to trust; empty if they
	// do already, or if the server does not know.
	CA string `json:"ca,omitempty"`
	// AccessKey is the id of the root key: a key of another id is not this server's.
	AccessKey string `json:"accessKey,omitempty"`
	// WorkerOnly says that the server answers no API calls.
	WorkerOnly bool `json:"workerOnly,omitempty"`
}

func endpointFile(data string) string { return filepath.Join(data, "endpoint.json") }

func (e endpoint) write(data string) error {
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write the endpoint: %w", err)
	}
	if err := writeFile(endpointFile(data), string(text)+"\n"); err != nil {
		return fmt.Errorf("write the endpoint: %w", err)
	}
	return nil
}

func readEndpoint(data string) (endpoint, error) {
	text, err := os.ReadFile(endpointFile(data))
	if errors.Is(err, fs.ErrNotExist) {
		return endpoint{}, fmt.Errorf("no server runs on %s; start one with 'sluice serve', or name its directory with --data", data)
	}
	var e endpoint
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err != nil {
		return endpoint{}, fmt.Errorf("read the endpoint: %w", err)
	}
	return e, nil
}

// endpointOf returns how programs on this machine reach a server at addr: by its
// address, by the loopback one if it listens on all, and with TLS under a name that
// is in the certificate.
func endpointOf(addr net.Addr, c config, cert *gateway.Certificate) endpoint {
	host, port, _ := net.SplitHostPort(addr.String())
	asked, _, _ := net.SplitHostPort(c.listen)
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	if cert == nil {
		return endpoint{URL: urlOf("http", host, port)}
	}
	leaf := cert.Current().Leaf
	names := append([]string{asked, host, "localhost"}, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	for _, name := range names {
		if name != "" && leaf.VerifyHostname(name) == nil {
			host = name
			break
		}
	}
	e := endpoint{URL: urlOf("https", host, port)}
	if holdsRoot(cert.Current().Certificate) {
		e.CA, _ = filepath.Abs(c.tlsCert)
	}
	return e
}

// urlOf returns a URL, with the zone of an IPv6 address as URLs have it.
func urlOf(scheme, host, port string) string {
	return (&url.URL{Scheme: scheme, Host: net.JoinHostPort(host, port)}).String()
}

// holdsRoot reports whether a chain ends with a certificate that signed itself. A
// file with such a chain tells clients whom to trust; any other does not.
func holdsRoot(chain [][]byte) bool {
	last, err := x509.ParseCertificate(chain[len(chain)-1])
	return err == nil && bytes.Equal(last.RawIssuer, last.RawSubject)
}
