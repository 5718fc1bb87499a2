package main

import (
	"errors"
	"io/fs"
	"net"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/internal/object/s3object"
	"github.com/sluicehq/sluice/internal/store/pgstore"
)

// checkStores checks --store and --objects. It never repeats a value: it may have a
// password, in whatever form.
func (c *config) checkStores(refuse func(format string, args ...any), getenv func(string) string) {
	switch {
	case c.store == pebble:
	case strings.HasPrefix(c.store, "postgres://") || strings.HasPrefix(c.store, "postgresql://"):
		if err := pgstore.CheckURL(c.store); err != nil {
			refuse("store: %w", err)
		}
		if c.objects == disk && !c.singleNode {
			refuse("objects: files on this node's disk cannot be read by other nodes of the database: name an S3 with --objects, or give --single-node if there is no other node")
		}
	default:
		refuse("store: %s is not one of pebble, postgres://USER:PASSWORD@HOST/DATABASE", quoteValue(c.store))
	}
	switch {
	case c.objects == disk:
	case strings.HasPrefix(c.objects, "s3://"):
		if err := s3object.CheckURL(c.objects, getenv); err != nil {
			refuse("objects: %w", err)
		}
	default:
		refuse("objects: %s is not one of disk, s3://BUCKET?endpoint=URL", quoteValue(c.objects))
	}
}

// shortestSecret is how long a root secret is at least that others may try to guess.
const shortestSecret = 16

// checkKey checks the root key, if there is one already: nodes that share a store need
// one key between them, so none makes its own.
func (c *config) checkKey(refuse func(format string, args ...any), getenv func(string) string) {
	k, err := findKey(c.data, getenv)
	var usage usageError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if c.store != pebble {
			refuse("store: nodes that share one need one key: set SLUICE_ACCESS_KEY_ID and SLUICE_SECRET_ACCESS_KEY, or put the same %s on each", credentialsFile(c.data))
		}
	case errors.As(err, &usage):
		refuse("%w", err)
	case err != nil: // the start says it when it reads the key
	case len(k.secret) < shortestSecret && !isLoopback(c.listen) && !c.allowWeakKey:
		refuse("the root secret has less than %d characters, and --listen is an address that others reach: use a longer one, or give --allow-weak-key", shortestSecret)
	}
}

// isLoopback reports whether only this machine reaches an address of the form host:port.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// isPort reports whether s is the number of a port. A name could be part of a URL.
func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}
