package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	neturl "net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/internal/api/adminapi"
	"github.com/sluicehq/sluice/internal/sigv4"
)

// defaultRegion is the one that clients sign for if nothing names another. Sluice takes
// any; each region has lists and jobs of its own.
const defaultRegion = "us-east-1"

// pickRegion returns the region of --region, else that of AWS's variables, else the
// default.
func pickRegion(flag string, getenv func(string) string) (string, error) {
	region := cmp.Or(flag, getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"), defaultRegion)
	if !sigv4.ValidRegion(region) {
		name := "AWS_DEFAULT_REGION"
		switch region {
		case flag:
			name = "region"
		case getenv("AWS_REGION"):
			name = "AWS_REGION"
		}
		value := hidden
		if almostRegion.MatchString(region) {
			value = strconv.Quote(region)
		}
		return "", usageError{fmt.Errorf("%s: %s is no name of a region: it takes 1 to %d of a-z, 0-9 and '-'", name, value, sigv4.MaxRegion)}
	}
	return region, nil
}

// almostRegion matches what was meant for the name of a region. Anything else may be a key.
var almostRegion = regexp.MustCompile(`^[A-Za-z0-9_. -]{1,24}$`)

func regionFlag(f *pflag.FlagSet, region *string) {
	f.StringVar(region, "region", "", "`region` whose lists and jobs are meant (default AWS_REGION, or else us-east-1)")
}

// clientConfig is a server and a key to sign with.
type clientConfig struct {
	endpoint
	key    key
	region string
	data   string // the server's data directory; empty if it was found otherwise
	token  string // of a session, with temporary keys of AWS
}

// findClientConfig returns the server that runs on a data directory.
func findClientConfig(data, region string, getenv func(string) string) (clientConfig, error) {
	region, err := pickRegion(region, getenv)
	if err != nil {
		return clientConfig{}, err
	}
	if data, err = dataDir(data, getenv); err != nil {
		return clientConfig{}, usageError{err}
	}
	e, err := readEndpoint(data)
	if err != nil {
		return clientConfig{}, err
	}
	k, err := findKey(data, getenv)
	given := getenv("SLUICE_ACCESS_KEY_ID") != "" || getenv("SLUICE_ACCESS_KEY_ID"+fileSuffix) != ""
	switch another := e.AccessKey != "" && k.id != e.AccessKey; {
	case e.WorkerOnly:
		return clientConfig{}, fmt.Errorf("the server on %s only runs imports (--roles worker) and answers no API calls: name one that does, with AWS_ENDPOINT_URL", data)
	case another && !given && (err == nil || errors.Is(err, fs.ErrNotExist)):
		return clientConfig{}, fmt.Errorf("the server on %s has its key %s from its environment: "+
			"set SLUICE_ACCESS_KEY_ID and SLUICE_SECRET_ACCESS_KEY here as they are set there", data, e.AccessKey)
	case err != nil:
		return clientConfig{}, err
	case another:
		return clientConfig{}, fmt.Errorf("SLUICE_ACCESS_KEY_ID is %s, but the key of the server on %s is %s", k.id, data, e.AccessKey)
	}
	if e.CA == "" && strings.HasPrefix(e.URL, "https:") {
		e.CA = getenv("AWS_CA_BUNDLE")
	}
	return clientConfig{endpoint: e, key: k, region: region, data: data}, nil
}

// loadClientConfig returns the server that a client command talks to: the one on the data
// directory that --data or SLUICE_DATA names; else the one that the AWS variables name,
// as every AWS client has it; else the one on the usual data directory.
func loadClientConfig(data, region string, getenv func(string) string) (clientConfig, error) {
	url := getenv("AWS_ENDPOINT_URL")
	if data != "" || url == "" {
		return findClientConfig(data, region, getenv)
	}
	region, err := pickRegion(region, getenv)
	if err != nil {
		return clientConfig{}, err
	}
	getenv, _, err = withSecretFiles(getenv)
	if err != nil {
		return clientConfig{}, err
	}
	t := clientConfig{
		endpoint: endpoint{URL: strings.TrimSuffix(url, "/"), CA: getenv("AWS_CA_BUNDLE")},
		key:      key{getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY")},
		region:   region,
		token:    getenv("AWS_SESSION_TOKEN"),
	}
	if u, err := neturl.Parse(url); err != nil || u.Host == "" {
		return clientConfig{}, usageError{errors.New("AWS_ENDPOINT_URL is not of the form http://HOST:PORT")}
	}
	if t.key.id == "" || t.key.secret == "" {
		return clientConfig{}, usageError{errors.New("AWS_ENDPOINT_URL is set, but AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not")}
	}
	return t, nil
}

func newEnv() *cobra.Command {
	var data, region, shell string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print what points an AWS SDK or the AWS CLI at the running server",
		Long: `Prints the variables that every AWS SDK and the AWS CLI read: the endpoint, the root
key and a region. The server must be running: it is asked. With a certificate of its own making
AWS_CA_BUNDLE is among them; Node.js wants the same file as NODE_EXTRA_CA_CERTS.`,
		Example: `  eval "$(sluice env)"                             bash, zsh, sh
  sluice env --shell fish | source                 fish
  sluice env --shell powershell | Out-String | Invoke-Expression`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if wrong := checkVariables(environ(), cmd.Root().Commands()...); wrong != nil {
				return usageError{errors.Join(wrong...)}
			}
			if err := loadSettings(cmd.Flags(), os.Getenv); err != nil {
				return err
			}
			export, ok := shells[strings.ToLower(shell)]
			if !ok {
				return usageError{fmt.Errorf("shell: %s is not one of bash, zsh, sh, fish, powershell", quoteValue(shell))}
			}
			t, err := findClientConfig(data, region, os.Getenv)
			if err == nil {
				err = t.check(cmd.Context(), cmd.ErrOrStderr())
			}
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), t.variableMap())
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
	cmd.Flags().StringVar(&shell, "shell", "bash", "`shell` to print for: bash, zsh, sh, fish or powershell")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// probeTime is how long env waits for the server.
const probeTime = 3 * time.Second

// check asks the server that was found whether it is there and takes the key. A server that
// was killed leaves its endpoint behind, and another may have its address now. What does
// not say for certain that the variables are wrong is a warning.
func (t clientConfig) check(ctx context.Context, errs io.Writer) error {
	c, err := t.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var answer struct{ Version *string }
	err = c.rest(ctx, ownAPI, http.MethodGet, adminapi.Prefix+"version", nil, &answer)
	var refused *refusal
	switch {
	case err == nil && answer.Version != nil:
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("no server runs on %s any more: nothing listens at %s; start it again with 'sluice serve'", t.data, t.URL)
	case errors.As(err, &refused) && refused.Status == http.StatusForbidden:
		return fmt.Errorf("what listens at %s does not take the key of %s: %w; another server may have this address now", t.URL, t.data, err)
	case err == nil, errors.As(err, &refused) && refused.Code == "":
		return fmt.Errorf("what listens at %s is not Sluice: the server on %s is gone", t.URL, t.data)
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("%s has not answered for %s", t.URL, probeTime)
	}
	fmt.Fprintln(errs, "sluice: warning:", err)
	return nil
}

func (t clientConfig) variableMap() map[string]string {
	all := map[string]string{}
	for _, v := range t.variables() {
		all[v[0]] = v[1]
	}
	return all
}

// printJSON prints one JSON object.
func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func (t clientConfig) variables() [][2]string {
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

func exportLine(name, value string) string { return "export " + name + "=" + shellQuote(value) }

// shells say how each shell sets a variable, whatever is in its value.
var shells = map[string]func(name, value string) string{
	"bash": exportLine,
	"zsh":  exportLine,
	"sh":   exportLine,
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
	return shellQuote(s)
}

// shellQuote quotes a value for POSIX shells.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
