package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/internal/backup"
	"github.com/sluicehq/sluice/internal/gateway"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/node"
	"github.com/sluicehq/sluice/internal/sigv4"
)

func newServe() *cobra.Command {
	var c config
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server: all APIs, S3, probes and /metrics on one port",
		Long: `Runs the server until it is told to stop (Ctrl-C, SIGTERM). The first start makes a
root key and keeps it in the data directory, in the file "credentials", which is an
AWS credentials file. SLUICE_ACCESS_KEY_ID and SLUICE_SECRET_ACCESS_KEY give another.

Every flag is also a variable, --tls-cert is SLUICE_TLS_CERT, and a line of the file
that --config names, 'tls-cert = server.pem'. The command line wins over the
variable, the variable over the file. Another variable that begins with SLUICE_ is
refused. SLUICE_SECRET_ACCESS_KEY_FILE names a file that holds the secret; so it is
with SLUICE_ACCESS_KEY_ID, SLUICE_STORE, SLUICE_OBJECTS and the AWS_ variables of keys.

SIGHUP reads log-level and the files of the certificate again; other settings need a
restart.

When it is told to stop it takes no more requests, ends those that run, commits the
batches in hand and keeps every job where it is; the next start goes on from there.
A second signal ends it at once, which loses no more than the batches in hand. What
does not end within --shutdown-timeout and a few seconds is left behind.

It exits with 0 after it was stopped, 1 when something failed, 2 for invalid settings,
78 when a setting of the database or the S3 must be changed first,
and 70 when its embedded database cannot go on, because its disk is full or broken:
start it again then, nothing that was acknowledged is lost.

Its memory is kept within 400 MiB unless GOMEMLIMIT says otherwise.`,
		Example: `  sluice serve
  sluice serve --listen :4680 --data /srv/sluice --tls-cert tls.pem --tls-key tls.key
  SLUICE_LIMITS=aws SLUICE_LOG_FORMAT=json sluice serve --config /etc/sluice.conf`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 { // cobra would repeat them, and one may be a URL
				return fmt.Errorf("serve takes flags and no arguments, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			line := commandLine(cmd.Flags())
			// The command of the banner runs in the same environment.
			if wrong := checkVariables(environ(), cmd, newEnv()); wrong != nil {
				return usageError{errors.Join(wrong...)}
			}
			getenv, exposed, err := withSecretFiles(os.Getenv)
			if err != nil {
				return err
			}
			if err := loadSettings(cmd.Flags(), getenv); err != nil {
				return err
			}
			if err := c.check(getenv); err != nil {
				return err
			}
			c.exposed = exposed
			limitMemory(os.Getenv)
			r := &reloader{line: line, values: valuesOf(cmd.Flags()), getenv: getenv}
			r.catch()
			return serve(cmd.Context(), c, r, getenv, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	c.flags(cmd.Flags())
	return cmd
}

// memory is what the process tries to stay within. Batches and caches are bounded
// and take about half of it. Without a limit the collector would let the heap double
// before it looks again, and the resident set with it.
const memory = 400 << 20

func limitMemory(getenv func(string) string) {
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memory)
	}
}

// serve runs a server until ctx is done and all is quiet. r, unless nil, reloads its
// settings.
func serve(ctx context.Context, c config, r *reloader, getenv func(string) string, out, errs io.Writer) (err error) {
	level := new(slog.LevelVar)
	level.Set(c.level())
	log := c.logger(errs, level)
	for _, variable := range c.exposed {
		log.Warn("other users of this machine can read the file of a secret", slog.String("variable", variable))
	}
	if _, err := os.Stat(filepath.Join(c.data, backup.UnfinishedRestore)); err == nil {
		return fmt.Errorf("data: %s holds an unfinished restore: empty the directory and restore again", c.data)
	}
	if err := node.MakeDir(nil, c.data); err != nil {
		return err
	}
	if err := keepPrivate(c.data, log); err != nil {
		return err
	}
	var cert *gateway.Certificate
	if c.tlsCert != "" {
		if cert, err = gateway.LoadCertificate(c.tlsCert, c.tlsKey, log); err != nil {
			return err
		}
	}
	if r != nil {
		r.level, r.cert, r.log = level, cert, log
		var reloading sync.WaitGroup
		until, stop := context.WithCancel(ctx)
		reloading.Go(func() { r.run(until) })
		defer reloading.Wait()
		defer stop()
	}
	n, err := node.Open(ctx, c.node(getenv, cert, log))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()

	l, err := net.Listen("tcp", c.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	root, err := rootKey(c.data, getenv)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	at := endpointOf(l.Addr(), c, cert)
	at.AccessKey, at.WorkerOnly = root.id, !c.has(roleAPI)
	if err := at.write(c.data); err != nil {
		if c.local() {
			return errors.Join(err, l.Close())
		}
		log.Warn("client commands with --data will not find this server", slog.Any("error", err))
	}
	defer func() { _ = os.Remove(endpointFile(c.data)) }()
	c.printBanner(out, log, at)

	if err := n.Run(ctx, l); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// local reports whether something is kept on this machine's disk: without that the server
// works while the disk is full, or cannot be written.
func (c *config) local() bool { return c.store == pebble || c.objects == disk }

// node turns the settings, which are checked, into the options of a node.
func (c *config) node(getenv func(string) string, cert *gateway.Certificate, log *slog.Logger) node.Options {
	o := node.Options{
		Dir:  c.data,
		Jobs: c.jobs, Lease: c.lease, Grace: c.grace, TLS: cert, Proxy: c.proxy, AcceptLoss: c.acceptLoss,
		Version: version, Logger: log,
		Key: func() (sigv4.Credentials, error) {
			root, err := rootKey(c.data, getenv)
			return sigv4.Credentials{AccessKey: root.id, Secret: root.secret, Account: c.account}, err
		},
	}
	c.bounds.set(&o)
	c.retention.set(&o)
	if c.store != pebble {
		o.Store = openPostgres(c.store)
	}
	if o.MinFree = c.minFree.bytes; c.minFree.set && o.MinFree == 0 {
		o.MinFree = -1
	}
	if c.objects != disk {
		o.Objects = openS3(c.objects, getenv)
	}
	if c.limits == "aws" {
		o.Limits = limits.AWS
	}
	for _, role := range c.roles {
		o.Roles = append(o.Roles, node.Role(role))
	}
	return o
}

func (c *config) logger(w io.Writer, level slog.Leveler) *slog.Logger {
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: withoutPaths}
	if c.logForm == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// urlPath is the path and query of a URL in a text.
var urlPath = regexp.MustCompile(`((?:https?|s3)://[^/?\s"'` + "`" + `]+)[/?][^\s"'` + "`" + `]+`)

// withoutPaths leaves the paths and queries of URLs out of errors that are logged: those
// of HTTP clients have keys of objects and signatures. It is a last guard.
func withoutPaths(_ []string, a slog.Attr) slog.Attr {
	if a.Key != "error" && a.Key != "reason" {
		return a
	}
	if text := a.Value.String(); strings.Contains(text, "://") {
		a.Value = slog.StringValue(withoutCredentials(urlPath.ReplaceAllString(text, "$1/…")))
	}
	return a
}
