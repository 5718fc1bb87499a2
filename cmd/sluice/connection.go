package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/internal/sigv4"
)

// connection is how a client command finds its server: see loadClientConfig.
type connection struct {
	data, region string
	line         string // the flags of the command line: see options
}

func (at *connection) flags(cmd *cobra.Command) {
	dataFlag(cmd.Flags(), &at.data)
	regionFlag(cmd.Flags(), &at.region)
}

// load sets the flags that the command line left open from the environment. A command
// checks its flags after it.
func (at *connection) load(cmd *cobra.Command) error {
	at.line = at.options(cmd.Flags())
	return loadSettings(cmd.Flags(), os.Getenv)
}

// client returns the client that the flags and the environment describe.
func (at *connection) client() (*client, error) {
	t, err := loadClientConfig(at.data, at.region, os.Getenv)
	if err != nil {
		return nil, err
	}
	c, err := t.client()
	if err == nil {
		c.options = at.line
	}
	return c, err
}

// options returns the flags of the command line that say which server is meant, as a shell
// takes them, each after a blank.
func (at *connection) options(f *pflag.FlagSet) string {
	text := ""
	for _, name := range []string{"data", "region"} {
		if flag := f.Lookup(name); flag.Changed {
			text += " --" + name + " " + shellArgument(flag.Value.String())
		}
	}
	return text
}

// command returns a command line for the same server.
func (c *client) command(args ...string) string {
	return program() + " " + strings.Join(args, " ") + c.options
}

// client returns a client that signs with the target's key.
func (t clientConfig) client() (*client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.WriteBufferSize = 256 << 10
	// A server may take its time to refuse a large upload; it should be heard.
	transport.ExpectContinueTimeout = time.Second
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", t.CA)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	c := &client{
		endpoint: t.URL,
		s3:       os.Getenv("AWS_ENDPOINT_URL_S3"), // as AWS's own clients have it
		keys:     sigv4.Credentials{AccessKey: t.key.id, Secret: t.key.secret},
		region:   t.region,
		token:    t.token,
		http:     &http.Client{Transport: transport},
	}
	c.hint = "is the server running that AWS_ENDPOINT_URL names?"
	if t.data != "" {
		c.hint = "no server runs on " + t.data + " any more: start it again with 'sluice serve'"
		c.locate = func() (endpoint, error) { return readEndpoint(t.data) }
	}
	return c, nil
}
