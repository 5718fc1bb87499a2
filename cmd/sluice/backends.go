package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/sluicehq/sluice/internal/guard"
	"github.com/sluicehq/sluice/internal/node"
	"github.com/sluicehq/sluice/internal/object/s3object"
	"github.com/sluicehq/sluice/internal/store/pgstore"
)

// openPostgres opens the database at a URL.
func openPostgres(url string) func(context.Context, *slog.Logger) (node.SharedStore, error) {
	return func(ctx context.Context, log *slog.Logger) (node.SharedStore, error) {
		s, err := pgstore.Open(ctx, url, pgstore.Options{Logger: log})
		if errors.Is(err, pgstore.ErrStandby) { // it may be promoted soon, or the URL names the wrong server
			return nil, &node.SettingError{Err: err}
		}
		if err != nil {
			return nil, err
		}
		return s, nil
	}
}

// openS3 opens the S3 at a URL, with credentials from the environment.
func openS3(url string, getenv func(string) string) func(context.Context, *slog.Logger, *guard.Guard) (node.RemoteObjects, error) {
	return func(ctx context.Context, log *slog.Logger, g *guard.Guard) (node.RemoteObjects, error) {
		o, err := s3object.Open(ctx, url, s3object.Options{Getenv: getenv, Logger: log, Guard: g})
		if err != nil {
			return nil, err
		}
		return o, nil
	}
}
