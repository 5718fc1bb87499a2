package node

import (
	"context"

	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store"
)

// SharedStore is a store that several nodes work on. Package pgstore has one.
type SharedStore interface {
	store.Store
	// Run keeps the store in order until its context is done.
	Run(context.Context) error
	// Bytes returns how much space the store takes.
	Bytes(context.Context) (int64, error)
	Close() error
}

// RemoteObjects are files in an S3 that callers reach by themselves. Package s3object has
// them.
type RemoteObjects interface {
	object.Store
	service.Links
	// Bucket is the name of the bucket for uploads and reports.
	Bucket() string
	// Ping reports whether the S3 answers.
	Ping(context.Context) error
}
