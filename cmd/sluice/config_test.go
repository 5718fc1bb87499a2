package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// env is an environment for tests.
type env map[string]string

func (e env) get(name string) string { return e[name] }

// settled runs a command line, an environment and a file through all that a server
// does with them.
func settled(t *testing.T, args []string, e env, file string) (config, error) {
	t.Helper()
	if file != "" {
		name := filepath.Join(t.TempDir(), "sluice.conf")
		if err := os.WriteFile(name, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", name)
	}
	var c config
	f := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	c.flags(f)
	if err := f.Parse(args); err != nil {
		t.Fatalf("parse %q: %v", args, err)
	}
	if e == nil {
		e = env{}
	}
	if e["HOME"] == "" {
		e["HOME"] = "/home/ann"
	}
	if err := loadSettings(f, e.get); err != nil {
		return c, err
	}
	return c, c.check(e.get)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		args  []string
		env   env
		file  string
		holds func(config) bool
	}{
		{"defaults", nil, nil, "", func(c config) bool {
			return c.listen == "127.0.0.1:4680" && c.account == "000000000000" && c.limits == "none" && c.data == "/home/ann/.local/share/sluice"
		}},
		{"XDG", nil, env{"XDG_DATA_HOME": "/xdg"}, "", func(c config) bool { return c.data == "/xdg/sluice" }},
		{"XDG that is not absolute counts for nothing", nil, env{"XDG_DATA_HOME": "xdg"}, "", func(c config) bool {
			return c.data == "/home/ann/.local/share/sluice"
		}},
		{"a variable", nil, env{"SLUICE_LISTEN": ":1", "SLUICE_LOG_FORMAT": "json", "SLUICE_DATA": "/d"}, "", func(c config) bool {
			return c.listen == ":1" && c.logForm == "json" && c.data == "/d"
		}},
		{"a file", nil, nil, "# ours\n\n listen = :2 \nlease=20s\ntrust-proxy = true\n", func(c config) bool {
			return c.listen == ":2" && c.lease == 20*time.Second && c.proxy
		}},
		{"a variable wins over the file", nil, env{"SLUICE_LISTEN": ":1"}, "listen = :2\njobs = 7", func(c config) bool {
			return c.listen == ":1" && c.jobs == 7
		}},
		{"the command line wins over all", []string{"--listen", ":3"}, env{"SLUICE_LISTEN": ":1"}, "listen = :2", func(c config) bool {
			return c.listen == ":3"
		}},
		{"the command line may say the default", []string{"--limits", "none"}, env{"SLUICE_LIMITS": "aws"}, "", func(c config) bool {
			return c.limits == "none"
		}},
		{"a weak secret on loopback", nil, env{"SLUICE_ACCESS_KEY_ID": "me", "SLUICE_SECRET_ACCESS_KEY": "test"}, "", func(config) bool { return true }},
		{"a weak secret on loopback, IPv6", []string{"--listen", "[::1]:0"}, env{"SLUICE_ACCESS_KEY_ID": "me", "SLUICE_SECRET_ACCESS_KEY": "test"}, "", func(config) bool { return true }},
		{"a weak secret that is meant", []string{"--listen", ":0", "--allow-weak-key"}, env{"SLUICE_ACCESS_KEY_ID": "me", "SLUICE_SECRET_ACCESS_KEY": "test"}, "", func(config) bool { return true }},
		{"a secret of 16 characters", []string{"--listen", ":0"}, env{"SLUICE_ACCESS_KEY_ID": "me", "SLUICE_SECRET_ACCESS_KEY": "sixteen-letters!"}, "", func(config) bool { return true }},
		{"a database and a disk that are meant", []string{"--single-node", "--store", "postgres://h/d"}, env{"SLUICE_ACCESS_KEY_ID": "me", "SLUICE_SECRET_ACCESS_KEY": "test"}, "", func(c config) bool { return c.store == "postgres://h/d" }},
		{"two hosts of a database", []string{"--single-node", "--store", "postgres://a:pw@db1:5432,db2:5432/d?target_session_attrs=read-write"}, env{"SLUICE_ACCESS_KEY_ID": "me", "SLUICE_SECRET_ACCESS_KEY": "test"}, "", func(config) bool { return true }},
		{"a value with an equals sign", nil, nil, "data = /a=b", func(c config) bool { return c.data == "/a=b" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := settled(t, c.args, c.env, c.file)
			if err != nil || !c.holds(got) {
				t.Errorf("settings of %q, %v, %q: %+v, %v", c.args, c.env, c.file, got, err)
			}
		})
	}
}

func TestSettingsThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		env  env
		file string
		want string // in the error
	}{
		{[]string{"--limits", "some"}, nil, "", `limits: "some" is not one of none, aws`},
		{[]string{"--log-level", "loud"}, nil, "", `log-level: "loud" is not one of debug, info, warn, error`},
		{[]string{"--log-format", "xml"}, nil, "", `log-format: "xml" is not one of text, json`},
		{[]string{"--listen", "4680"}, nil, "", `listen: "4680" is not of the form host:port`},
		{[]string{"--account", "12"}, nil, "", `account: "12" is not twelve digits`},
		{[]string{"--account", "12345678901x"}, nil, "", `account: "12345678901x" is not twelve digits`},
		{[]string{"--jobs", "0"}, nil, "", "jobs: 0 is not a number from 1 to 64"},
		{[]string{"--lease", "1s"}, nil, "", "lease: 1s is shorter than 2s"},
		{[]string{"--shutdown-timeout", "-1s"}, nil, "", "shutdown-timeout: -1s is not a time"},
		{[]string{"--tls-cert", "c.pem"}, nil, "", "tls-cert, tls-key: one is set without the other"},
		{nil, env{"SLUICE_JOBS": "many"}, "", `SLUICE_JOBS: jobs: "many" is not valid: it must be a whole number`},
		{nil, nil, "stroe = mysql", `sluice.conf:1: "stroe" is not a setting; did you mean store?`},
		{nil, nil, "store = mysql", `store: "mysql" is not one of pebble, postgres://`},
		{[]string{"--store", "postgres://h/d"}, nil, "", "objects: files on this node's disk cannot be read by other nodes"},
		{nil, env{"SLUICE_ACCESS_KEY_ID": "me", "SLUICE_SECRET_ACCESS_KEY": "fifteen-letters", "SLUICE_LISTEN": ":4680"}, "", "the root secret has less than 16 characters"},
		{nil, env{"SLUICE_ACCESS_KEY_ID": "me", "SLUICE_SECRET_ACCESS_KEY": "test", "SLUICE_LISTEN": "192.0.2.1:4680"}, "", "--allow-weak-key"},
		{[]string{"--store", "postgres://h/d"}, nil, "", "nodes that share one need one key"},
		{[]string{"--store", "mysql://me:secret@h/d"}, nil, "", "store: the value (not shown, it may be a secret) is not one of pebble"},
		{[]string{"--account", "mypassword123"}, nil, "", "account: the value (not shown, it may be a secret) is not twelve digits"},
		{[]string{"--roles", "api"}, nil, "", "a node does everything itself"},
		{[]string{"--roles", "api,cook"}, nil, "", `roles: "cook" is not one of api, worker`},
		{[]string{"--objects", "/srv"}, nil, "", `objects: "/srv" is not one of disk, s3://`},
		{nil, nil, "# a\n\nlease = soon", `sluice.conf:3: lease: "soon" is not valid: it must be a time, such as 90s or 10m`},
		{nil, nil, "jobs seven", `sluice.conf:1: "jobs seven" is not of the form name = value`},
		{nil, nil, "jobs = 7\njobs = 8", `sluice.conf:2: "jobs" is set twice`},
		{nil, nil, "config = other", `"config" is not a setting`},
		{[]string{"--config", "/does/not/exist"}, nil, "", "/does/not/exist"},
		{[]string{"--jobs", "0", "--account", "1"}, nil, "", "jobs: 0 is not a number from 1 to 64\naccount"},
	} {
		_, err := settled(t, c.args, c.env, c.file)
		lines := strings.Split(c.want, "\n")
		for _, want := range lines {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("settings of %q, %v, %q: %v, want %q", c.args, c.env, c.file, err, want)
			}
		}
		if _, ok := err.(usageError); !ok {
			t.Errorf("settings of %q, %v, %q: %T, want a usageError", c.args, c.env, c.file, err)
		}
	}
}
