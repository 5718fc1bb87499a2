package main

import (
	"errors"
	"fmt"
	neturl "net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// region is the one that clients sign for unless they are told another. Sluice takes
// any; each region has lists and jobs of its own.
const region = "us-east-1"

// target is a server and a key to sign with.
type target struct {
	endpoint
	key    key
	region string
	data   string // the server's data directory; empty if it was found otherwise
}

// findTarget returns the server that runs on a data directory.
func findTarget(data string, getenv func(string) string) (target, error) {
	data, err := dataDir(data, getenv)
	if err != nil {
		return target{}, usageError{err}
	}
	e, err := readEndpoint(data)
	if err != nil {
		return target{}, err
	}
	k, err := findKey(data, getenv)
	if err != nil {
		return target{}, err
	}
	return target{e, k, region, data}, nil
}

// clientTarget returns the server that a client command talks to: the one on the data
// directory that --data or SLUICE_DATA names; else the one that the AWS variables name,
// as every AWS client has it; else the one on the usual data directory.
func clientTarget(data string, getenv func(string) string) (target, error) {
	url := getenv("AWS_ENDPOINT_URL")
	if data != "" || url == "" {
		return findTarget(data, getenv)
	}
	t := target{
		endpoint{strings.TrimSuffix(url, "/"), getenv("AWS_CA_BUNDLE")},
		key{getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY")},
		region,
		"",
	}
	if u, err := neturl.Parse(url); err != nil || u.Host == "" {
		return target{}, usageError{errors.New("AWS_ENDPOINT_URL is not of the form http://HOST:PORT")}
	}
	if t.key.id == "" || t.key.secret == "" {
		return target{}, usageError{errors.New("AWS_ENDPOINT_URL is set, but AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not")}
	}
	for _, name := range []string{"AWS_DEFAULT_REGION", "AWS_REGION"} {
		if r := getenv(name); r != "" {
			t.region = r
		}
	}
	return t, nil
}

func newEnv() *cobra.Command {
	var data, shell string
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print what points an AWS SDK or the AWS CLI at the running server",
		Long: `Prints the variables that every AWS SDK and the AWS CLI read: the endpoint, the root
key and a region. The server must be running. With a certificate of its own making
AWS_CA_BUNDLE is among them; Node.js wants the same file as NODE_EXTRA_CA_CERTS.`,
		Example: `  eval "$(sluice env)"                             bash, zsh, sh
  sluice env --shell fish | source                 fish
  sluice env --shell powershell | Out-String | Invoke-Expression`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settle(cmd.Flags(), os.Getenv); err != nil {
				return err
			}
			export, ok := shells[shell]
			if !ok {
				return usageError{fmt.Errorf("shell: %q is not one of bash, fish, powershell", shell)}
			}
			t, err := findTarget(data, os.Getenv)
			if err != nil {
				return err
			}
			for _, v := range t.variables() {
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), export(v[0], v[1])); err != nil {
					return err
				}
			}
			return nil
		},
	}
	dataFlag(cmd.Flags(), &data)
	cmd.Flags().StringVar(&shell, "shell", "bash", "`shell` to print for: bash (zsh, sh), fish or powershell")
	return cmd
}

func (t target) variables() [][2]string {
	vars := [][2]string{
		{"AWS_ENDPOINT_URL", t.URL},
		{"AWS_ACCESS_KEY_ID", t.key.id},
		{"AWS_SECRET_ACCESS_KEY", t.key.secret},
		{"AWS_REGION", t.region},
		{"AWS_DEFAULT_REGION", t.region}, // the one that the AWS CLI reads
	}
	if t.CA != "" {
		vars = append(vars, [2]string{"AWS_CA_BUNDLE", t.CA})
	}
	return vars
}

// shells say how each shell sets a variable, whatever is in its value.
var shells = map[string]func(name, value string) string{
	"bash": func(name, value string) string {
		return "export " + name + "=" + shellWord(value)
	},
	"fish": func(name, value string) string {
		return "set -gx " + name + " '" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(value) + "'"
	},
	"powershell": func(name, value string) string {
		return "$env:" + name + " = '" + strings.ReplaceAll(value, "'", "''") + "'"
	},
}

// shellWord quotes a word for bash and its kin.
func shellWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
