package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newReady() *cobra.Command {
	var data string
	var live bool
	var within time.Duration
	cmd := &cobra.Command{
		Use:   "ready",
		Short: "Ask the running server whether everything works",
		Long: `Asks the running server whether everything works that it needs: the disk, the store,
the objects, the database. It tests them by writing. Prints "ok", or a line for each
part that does not work.

With --live it asks only whether the process answers. What restarts processes should
ask that: a database that is away does not come back by a restart of its clients.

Exit codes: 0 yes; 1 no, or no server answers.`,
		Example: `  sluice ready
  sluice ready --live --timeout 2s`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := loadSettings(cmd.Flags(), os.Getenv); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), within)
			defer cancel()
			path := "/readyz"
			if live {
				path = "/livez"
			}
			return probe(ctx, cmd.OutOrStdout(), data, path)
		},
	}
	dataFlag(cmd.Flags(), &data)
	cmd.Flags().BoolVar(&live, "live", false, "ask only whether the process answers")
	cmd.Flags().DurationVar(&within, "timeout", 5*time.Second, "`time` to wait for the answer")
	return cmd
}

// probe asks the server for one of its probes. It needs no key.
func probe(ctx context.Context, out io.Writer, data, path string) error {
	var t clientConfig
	if url := os.Getenv("AWS_ENDPOINT_URL"); data == "" && url != "" {
		t.endpoint = endpoint{URL: strings.TrimSuffix(url, "/"), CA: os.Getenv("AWS_CA_BUNDLE")}
	} else {
		dir, err := dataDir(data, os.Getenv)
		if err != nil {
			return usageError{err}
		}
		if t.endpoint, err = readEndpoint(dir); err != nil {
			return err
		}
	}
	c, err := t.client()
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL+path, nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return unreachable(err, r.URL)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", strings.TrimSpace(string(text)))
	}
	_, err = out.Write(text)
	return err
}
