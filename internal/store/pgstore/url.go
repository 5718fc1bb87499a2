package pgstore

import (
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sluicehq/sluice/internal/fault"
)

// CheckURL reports what is wrong with a URL for Open. Its errors never have the URL or a
// part of it: in one that cannot be read, any part may be the password.
func CheckURL(text string) error {
	_, err := parseURL(text)
	return err
}

// parseURL reads the URL of a database. What pgx says about one is not passed on, unless
// the URL is well-formed and the message has none of its secrets.
func parseURL(text string) (*pgxpool.Config, error) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Fragment != "" || strings.Contains(u.EscapedPath()+u.RawQuery, "@") ||
		(u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return nil, fault.New(fault.Invalid, "the URL of the database is not of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE?NAME=VALUE; "+
			"in the password write %% as %%25, / as %%2F, ? as %%3F, # as %%23, @ as %%40 and : as %%3A")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the query of the database's URL cannot be read; write %% as %%25 there")
	}
	config, err := pgxpool.ParseConfig(text)
	if err == nil {
		return config, nil
	}
	reason := err.Error()
	if _, rest, ok := strings.Cut(reason, "`: "); ok { // behind the URL, which is repeated first
		reason = rest
	}
	secrets := []string{u.User.String(), u.User.Username(), text}
	if password, ok := u.User.Password(); ok {
		secrets = append(secrets, password, url.QueryEscape(password), url.PathEscape(password))
	}
	for name, values := range query {
		if strings.Contains(strings.ToLower(name), "pass") {
			secrets = append(secrets, values...)
		}
	}
	for _, s := range secrets {
		if s != "" && strings.Contains(reason, s) {
			return nil, fault.New(fault.Invalid, "the URL of the database has a parameter that is not valid")
		}
	}
	return nil, fault.New(fault.Invalid, "the URL of the database is not valid: %s", reason)
}
