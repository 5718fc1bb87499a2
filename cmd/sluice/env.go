package main

import (
	"cmp"
	"errors"
	"fmt"
	neturl "net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// defaultRegion is the one that clients sign for if nothing names another. Sluice takes
// any; each region has lists and jobs of its own.
const defaultRegion = "us-east-1"

// pickRegion returns the region of --region, else that of AWS's variables, else the
// default.
func pickRegion(flag string, getenv func(string) string) string {
	return cmp.Or(flag, getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"), defaultRegion)
}

func regionFlag(f *pflag.FlagSet, region *string) {
	f.StringVar(region, "region", "", "`region` whose lists and jobs are meant (default AWS_REGION, or else us-east-1)")
}

// target is a server and a key to sign with.
type target struct {
	endpoint
	key    key
	region string
	data   string // the server's data directory; empty if it was found otherwise
	token  string // of a session, with temporary keys of AWS
}

// findTarget returns the server that runs on a data directory.
func findTarget(data, region string, getenv func(string) string) (target, error) {
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
	return target{endpoint: e, key: k, region: pickRegion(region, getenv), data: data}, nil
}

// clientTarget returns the server that a client command talks to: the one on the data
// directory that --data or SLUICE_DATA names; else the one that the AWS variables name,
// as every AWS client has it; else the one on the usual data directory.
func clientTarget(data, region string, getenv func(string) string) (target, error) {
	url := getenv("AWS_ENDPOINT_URL")
	if data != "" || url == "" {
		return findTarget(data, region, getenv)
	}
	t := target{
		endpoint: endpoint{strings.TrimSuffix(url, "/"), getenv("AWS_CA_BUNDLE")},
		key:      key{getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY")},
		region:   pickRegion(region, getenv),
		token:    getenv("AWS_SESSION_TOKEN"),
	}
	if u, err := neturl.Parse(url); err != nil || u.Host == "" {
		return target{}, usageError{errors.New("AWS_ENDPOINT_URL is not of the form http://HOST:PORT")}
	}
	if t.key.id == "" || t.key.secret == "" {
		return target{}, usageError{errors.New("AWS_ENDPOINT_URL is set, but AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not")}
	}
	return t, nil
}

func newEnv() *cobra.Command {
	var data, region, shell string
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
			t, err := findTarget(data, region, os.Getenv)
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
	regionFlag(cmd.Flags(), &region)
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

// shellArgument is shellWord for a command that people read: quotes only where they are needed.
func shellArgument(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+,") == "" {
		return s
	}
	return shellWord(s)
}

// shellWord quotes a word for bash and its kin.
func shellWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
