package gateway

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// lookAgain is how often the files of a certificate are looked at, at most.
const lookAgain = 10 * time.Second

// Certificate is a TLS certificate in two PEM files, which may be replaced while the
// server runs: new connections get the new one within seconds.
type Certificate struct {
	cert, key string
	log       *slog.Logger

	mu     sync.Mutex
	loaded *tls.Certificate
	stamp  [2]time.Time // of the files that were loaded
	looked time.Time
}

// LoadCertificate reads a certificate and its key. Later failures to read a replaced
// one go to log, and the last good one stays.
func LoadCertificate(cert, key string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{cert: cert, key: key, log: log}
	if _, err := c.load(); err != nil {
		return nil, fmt.Errorf("load certificate: %w", err)
	}
	c.looked = time.Now()
	return c, nil
}

// Current returns the certificate in use, its Leaf parsed.
func (c *Certificate) Current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.loaded
}

// Reload reads the files now, whatever their times: files that were unpacked or copied
// may have those of the old ones.
func (c *Certificate) Reload() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stamp = [2]time.Time{}
	c.reload()
}

// reload is called with the lock held.
func (c *Certificate) reload() {
	c.looked = time.Now()
	switch changed, err := c.load(); {
	case err != nil: // the two files are seldom replaced at the same moment
		c.log.Warn("certificate not reloaded", slog.Any("error", err))
	case changed:
		c.log.Info("certificate reloaded", slog.Time("expires", c.loaded.Leaf.NotAfter))
	}
}

// get is the GetCertificate of a tls.Config.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) >= lookAgain {
		c.reload()
	}
	return c.loaded, nil
}

// load reads the files if their times are others than those of the files in use. It
// reports whether it found another certificate.
func (c *Certificate) load() (changed bool, err error) {
	var stamp [2]time.Time
	for i, name := range []string{c.cert, c.key} {
		info, err := os.Stat(name)
		if err != nil {
			return false, err
		}
		stamp[i] = info.ModTime()
	}
	if c.loaded != nil && stamp == c.stamp {
		return false, nil
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return false, err
	}
	changed = c.loaded == nil || !slices.EqualFunc(pair.Certificate, c.loaded.Certificate, bytes.Equal)
	c.loaded, c.stamp = &pair, stamp
	return changed, nil
}
