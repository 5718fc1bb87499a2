package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// invoked is how this program was started; tests have another.
var invoked = os.Args[0]

// program returns what starts this program in the same shell: its name if the shell finds
// it, else its path.
func program() string {
	if !strings.ContainsRune(invoked, filepath.Separator) {
		return "sluice"
	}
	found, err := exec.LookPath("sluice")
	if err == nil {
		a, errA := os.Stat(found)
		b, errB := os.Stat(invoked)
		if errA == nil && errB == nil && os.SameFile(a, b) {
			return "sluice"
		}
	}
	return shellArgument(invoked)
}

// printBanner says where the server is, to people and to programs.
func (c *config) printBanner(out io.Writer, log *slog.Logger, at endpoint) {
	log.Info("listening", slog.String("url", at.URL), slog.String("version", version), slog.String("limits", c.limits))
	if c.logForm == "json" {
		return // what reads JSON reads no prose
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Sluice %s listens on %s and keeps %s\n", version, at.URL, c.kept())
	if !c.has(roleAPI) {
		b.WriteString("It runs imports and answers no API calls (--roles worker).\n")
	} else {
		before, command := c.envCommand(os.Getenv)
		fmt.Fprintf(&b, "Point an AWS SDK or the AWS CLI at it%s:  eval \"$(%s)\"\n", before, command)
	}
	_, _ = io.WriteString(out, b.String())
}

// kept says where everything is, without the credentials of a URL.
func (c *config) kept() string {
	files := "files"
	if u, err := url.Parse(c.objects); err == nil && u.Scheme == "s3" {
		files += " in the bucket " + u.Host
	} else {
		files += " in " + c.data
	}
	switch {
	case c.store != pebble:
		return "jobs and lists in PostgreSQL, " + files
	case c.objects != disk:
		return "jobs and lists in " + c.data + ", " + files
	}
	return "everything in " + c.data
}

// envCommand returns the command that prints how to reach this server, and what has to be
// done before it in another shell.
func (c *config) envCommand(getenv func(string) string) (before, command string) {
	env := program()
	in := ""
	if os.Getpid() == 1 { // else there is a shell or an init, and this may be run beside it
		in = containerCommand(getenv, exists)
	}
	if in != "" {
		env = in + " sluice" // with the variables of the container
	} else {
		if env != "sluice" {
			if path, err := filepath.Abs(invoked); err == nil {
				env = shellArgument(path)
			}
		}
		var assigned string
		before, assigned = keyVariables(getenv)
		env = assigned + env
	}
	env += " env"
	byDefault, err := dataDir("", func(name string) string {
		if name == "HOME" { // the others may not be set in another shell
			return getenv(name)
		}
		return ""
	})
	if err != nil || byDefault != c.data || getenv("SLUICE_DATA") != "" {
		env += " --data " + shellArgument(c.data)
	}
	return before, env
}

// keyVariables returns what sets the variables of the key as this server has them, and what
// to say of a secret, which is not printed.
func keyVariables(getenv func(string) string) (before, assignments string) {
	for _, name := range []string{"SLUICE_ACCESS_KEY_ID", "SLUICE_SECRET_ACCESS_KEY"} {
		file, value := getenv(name+fileSuffix), getenv(name)
		switch {
		case file != "":
			if abs, err := filepath.Abs(file); err == nil {
				file = abs
			}
			assignments += name + fileSuffix + "=" + shellArgument(file) + " "
		case value != "":
			before = ", with SLUICE_ACCESS_KEY_ID and SLUICE_SECRET_ACCESS_KEY set as for the server"
		}
	}
	if before != "" {
		assignments = ""
	}
	return before, assignments
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// containerCommand returns what runs a program in this container from outside; empty if
// this is none. Container engines make the id of a container its host name, and Kubernetes
// the name of the pod.
func containerCommand(getenv func(string) string, exists func(path string) bool) string {
	host, err := os.Hostname()
	switch {
	case err != nil:
		return ""
	case getenv("KUBERNETES_SERVICE_HOST") != "":
		return "kubectl exec " + host + " --"
	case exists("/run/.containerenv"):
		return "podman exec " + host
	case exists("/.dockerenv"):
		return "docker exec " + host
	}
	return ""
}
