package main

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/internal/node"
)

// config is how a server is set up. Each field is a flag; see settle for the other
// ways to set it.
type config struct {
	listen   string
	data     string
	file     string
	tlsCert  string
	tlsKey   string
	account  string
	store    string
	objects  string
	roles    []string
	limits   string
	jobs     int
	lease    time.Duration
	logForm  string
	logLevel string
	grace    time.Duration
	proxy    bool

	singleNode   bool
	allowWeakKey bool
	exposed      []string // variables whose files other users can read

	acceptLoss bool
	minFree    size
	bounds     bounds
	retention  retention
}

// flags declares the settings, with their defaults.
func (c *config) flags(f *pflag.FlagSet) {
	f.StringVar(&c.listen, "listen", "127.0.0.1:4680", "`address` to listen on, for all APIs; port 0 takes a free one")
	dataFlag(f, &c.data)
	f.StringVar(&c.file, "config", "", "`file` of settings, one 'flag = value' a line, # for comments")
	f.StringVar(&c.tlsCert, "tls-cert", "", "PEM `file` with the certificate chain; serves HTTPS and nothing else")
	f.StringVar(&c.tlsKey, "tls-key", "", "PEM `file` with the certificate's key")
	f.StringVar(&c.account, "account", "000000000000", "account `id` of the root key, twelve digits")
	f.StringVar(&c.store, "store", pebble, "`where` jobs, lists and members are kept: pebble, in the data directory, or the URL of a database, postgres://…")
	f.StringVar(&c.objects, "objects", disk, "`where` files are kept: disk, in the data directory, or an S3, 's3://BUCKET?endpoint=URL&region=R&path-style=true'")
	f.StringSliceVar(&c.roles, "roles", []string{roleAPI, roleWorker}, "`roles` of this node: api answers requests, worker runs imports; nodes that share a database can do one each")
	f.Lookup("roles").DefValue = roleAPI + "," + roleWorker
	f.StringVar(&c.limits, "limits", "none", "`profile` of limits: none, or aws for all that AWS publishes")
	f.IntVar(&c.jobs, "jobs", runtime.GOMAXPROCS(0), "`number` of imports that run at once; small ones have a slot of their own beside them")
	f.DurationVar(&c.lease, "lease", 15*time.Second, "`time` after which the jobs of a silent server are taken over")
	f.StringVar(&c.logForm, "log-format", "text", "`form` of the log: text or json")
	f.StringVar(&c.logLevel, "log-level", "info", "`least` that is logged: debug, info, warn or error; info has a line for each request")
	f.DurationVar(&c.grace, "shutdown-timeout", 30*time.Second, "`time` that running requests and batches have to end")
	f.Var(&c.minFree, "min-free", "`size` of the disk that is kept free, such as 200MiB: below it uploads are refused and jobs wait, below a quarter of it all writes are refused; 0 keeps nothing free (default 2 % of the disk, 64MiB to 1GiB)")
	c.bounds.flags(f)
	c.retention.flags(f)
	f.BoolVar(&c.acceptLoss, "accept-loss", false, "start even if acknowledged data is missing, which the log then names; give it for one start only")
	f.BoolVar(&c.singleNode, "single-node", false, "start with a database and files on this node's disk, which no other node can read")
	f.BoolVar(&c.allowWeakKey, "allow-weak-key", false, "take a root secret of less than 16 characters on an address that others reach")
	f.BoolVar(&c.proxy, "trust-proxy", false, "trust X-Forwarded-Proto; only behind a proxy that sets it")
}

// dataFlag declares the flag that names the data directory.
func dataFlag(f *pflag.FlagSet, data *string) {
	f.StringVar(data, "data", "", "`directory` that holds everything (default $XDG_DATA_HOME/sluice, or ~/.local/share/sluice)")
}

// loadSettings fills in what the command line left open: from the environment, where
// --tls-cert is SLUICE_TLS_CERT, then from the settings file. What nobody set keeps
// its default. Every name and value that cannot be meant is named.
func loadSettings(f *pflag.FlagSet, getenv func(string) string) error {
	var wrong []error
	set := func(name, value, from string) {
		if err := f.Set(name, value); err != nil {
			flag := f.Lookup(name)
			wrong = append(wrong, fmt.Errorf("%s: %s: %s is not valid%s", from, name, quoteValue(value), wanted(flag, reason(err))))
		}
	}
	f.VisitAll(func(flag *pflag.Flag) {
		variable := variableOf(flag.Name)
		if value := getenv(variable); value != "" && !flag.Changed && flag.Name != "help" {
			set(flag.Name, value, variable)
		}
	})
	if file := f.Lookup("config"); file != nil && file.Value.String() != "" {
		lines, err := readSettings(file.Value.String())
		if err != nil {
			return usageError{errors.Join(append(wrong, err)...)}
		}
		for _, l := range lines {
			switch flag := f.Lookup(l.name); {
			case flag == nil || l.name == "config" || l.name == "help":
				wrong = append(wrong, fmt.Errorf("%s: %s is not a setting%s", l.from, quoteValue(l.name), suggest(l.name, flagNames(f))))
			case !flag.Changed:
				set(l.name, l.value, l.from)
			}
		}
	}
	if len(wrong) > 0 {
		return usageError{errors.Join(wrong...)}
	}
	return nil
}

func flagNames(f *pflag.FlagSet) []string {
	var names []string
	f.VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
	return names
}

// reason leaves out what pflag says around the error of a value: it speaks of flags
// where there was a file.
func reason(err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return invalid.Unwrap()
	}
	return err
}

type setting struct{ name, value, from string }

// readSettings reads lines of the form name = value. A name may be there once.
func readSettings(file string) ([]setting, error) {
	if isConnection(file) {
		return nil, errors.New("config: the value is a URL or a connection string, not the name of a file")
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	defer in.Close()
	var lines []setting
	scan := bufio.NewScanner(in)
	for n := 1; scan.Scan(); n++ {
		text := strings.TrimSpace(scan.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		from := fmt.Sprintf("%s:%d", file, n)
		name, value, ok := strings.Cut(text, "=")
		name = strings.TrimSpace(name)
		if !ok {
			return nil, fmt.Errorf("%s: %s is not of the form name = value", from, quoteValue(text))
		}
		if slices.ContainsFunc(lines, func(l setting) bool { return l.name == name }) {
			return nil, fmt.Errorf("%s: %s is set twice", from, quoteValue(name))
		}
		lines = append(lines, setting{name, strings.TrimSpace(value), from})
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return lines, nil
}

// check refuses what cannot be meant, all of it at once, and completes the rest.
func (c *config) check(getenv func(string) string) error {
	for _, setting := range []*string{&c.limits, &c.logForm, &c.logLevel} {
		*setting = strings.ToLower(*setting)
	}
	for i, role := range c.roles {
		c.roles[i] = strings.ToLower(strings.TrimSpace(role))
	}
	var wrong []error
	refuse := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }

	if _, port, err := net.SplitHostPort(c.listen); err != nil || !isPort(port) {
		refuse("listen: %s is not of the form host:port", quoteValue(c.listen))
	}
	if (c.tlsCert == "") != (c.tlsKey == "") {
		refuse("tls-cert, tls-key: one is set without the other")
	}
	if len(c.account) != 12 || strings.Trim(c.account, "0123456789") != "" {
		refuse("account: %s is not twelve digits", quoteValue(c.account))
	}
	oneOf := func(name, value string, values ...string) {
		if !slices.Contains(values, value) {
			refuse("%s: %s is not one of %s", name, quoteValue(value), strings.Join(values, ", "))
		}
	}
	c.checkStores(refuse, getenv)
	c.refuseURLs(refuse)
	if len(c.roles) == 0 {
		refuse("roles: a node needs one at least, of api, worker")
	}
	for _, role := range c.roles {
		oneOf("roles", role, roleAPI, roleWorker)
	}
	if c.store == pebble && !(c.has(roleAPI) && c.has(roleWorker)) {
		refuse("roles: with the store in its own data directory a node does everything itself; see --store")
	}
	oneOf("limits", c.limits, "none", "aws")
	oneOf("log-format", c.logForm, "text", "json")
	oneOf("log-level", c.logLevel, "debug", "info", "warn", "error")
	if c.jobs < 1 || c.jobs > mostJobs {
		refuse("jobs: %d is not a number from 1 to %d", c.jobs, mostJobs)
	}
	if c.lease < leastLease {
		refuse("lease: %s is shorter than %s", c.lease, leastLease)
	}
	c.bounds.check(refuse)
	if c.grace <= 0 {
		refuse("shutdown-timeout: %s is not a time", c.grace)
	}
	data, err := dataDir(c.data, getenv)
	if err != nil {
		refuse("%w", err)
	}
	c.data = data
	if err == nil {
		c.checkKey(refuse, getenv)
	}
	if len(wrong) > 0 {
		return usageError{errors.Join(wrong...)}
	}
	return nil
}

// The values of --store, --objects and --roles.
const (
	pebble     = "pebble"
	disk       = "disk"
	roleAPI    = string(node.API)
	roleWorker = string(node.Worker)
)

func (c *config) has(role string) bool { return slices.Contains(c.roles, role) }

const (
	mostJobs   = 64              // each has a batch in memory, of 1 MiB at least
	leastLease = 2 * time.Second // it is renewed several times before it ends, by clocks that are not the same
)

// errDataURL has nothing of the value: it may have a password.
var errDataURL = errors.New("data: the value is a URL or a connection string, not the name of a directory")

// dataDir returns the data directory as an absolute path: the one that was asked
// for, or else that of the XDG base directory specification.
func dataDir(asked string, getenv func(string) string) (string, error) {
	switch {
	case isConnection(asked):
		return "", errDataURL
	case asked != "":
	case filepath.IsAbs(getenv("XDG_DATA_HOME")):
		asked = filepath.Join(getenv("XDG_DATA_HOME"), "sluice")
	case getenv("HOME") != "":
		asked = filepath.Join(getenv("HOME"), ".local", "share", "sluice")
	default:
		return "", errors.New("data: there is no home directory; say where, with --data")
	}
	abs, err := filepath.Abs(asked)
	if err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	return abs, nil
}

// level is for a checked config.
func (c *config) level() slog.Level {
	var l slog.Level
	_ = l.UnmarshalText([]byte(c.logLevel))
	return l
}
