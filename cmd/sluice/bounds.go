package main

import (
	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/internal/node"
)

// bounds are the settings of what callers may take.
type bounds struct {
	connections    int
	uploads        int
	uploadsPerLink int
	maxUpload      size
	minUploadRate  size
	maxRejections  int64
	maxUnpack      int64
}

func (b *bounds) flags(f *pflag.FlagSet) {
	b.maxUpload = size{64 << 30, true}
	b.minUploadRate = size{1 << 10, true}
	f.IntVar(&b.connections, "max-connections", 0, "`number` of connections at once; beyond it those without a request are closed; 0 takes half of what the limit on open files leaves, at most 1024")
	f.IntVar(&b.uploads, "max-uploads", 256, "`number` of uploads of an account at once; more are answered SlowDown, which clients repeat; 0 is no limit")
	f.IntVar(&b.uploadsPerLink, "max-uploads-per-link", 4, "`number` of uploads at once by the same pre-signed link; 0 is no limit")
	f.Var(&b.maxUpload, "max-upload", "largest `size` of an upload by a pre-signed link; 0 is no limit")
	f.Var(&b.minUploadRate, "min-upload-rate", "`size` that an upload must bring a second, on average over each minute, or it is cut off; 0 means that one byte a minute will do")
	f.Int64Var(&b.maxRejections, "max-rejections", 10_000_000, "`number` of records that may be rejected in one job; beyond it the job fails, and what it imported stays; 0 is no limit")
	f.Int64Var(&b.maxUnpack, "max-unpack", 200, "`ratio` of the bytes that a compressed source unpacks to and its own, beyond the first GiB; above it the job fails; 0 is no limit")
}

// check refuses what cannot be meant, and chooses what depends on the system.
func (b *bounds) check(refuse func(format string, args ...any)) {
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"max-connections", int64(b.connections)},
		{"max-uploads", int64(b.uploads)},
		{"max-uploads-per-link", int64(b.uploadsPerLink)},
		{"max-rejections", b.maxRejections},
		{"max-unpack", b.maxUnpack},
	} {
		if n.value < 0 {
			refuse("%s: %d is less than 0", n.name, n.value)
		}
	}
	if b.connections == 0 {
		b.connections = connectionsFor(maxOpenFiles())
	}
}

// defaultOpenFiles is a process's limit where it cannot be asked for.
const defaultOpenFiles = 1024

// connectionsFor is the default of max-connections with so many open files. The embedded
// databases have up to a thousand files open, and a connection that uploads has a file
// beside it.
func connectionsFor(files int) int {
	const databases, most, least = 1024, 1024, 16
	return min(max((files-min(files/2, databases))/2, least), most)
}

func (b *bounds) set(o *node.Options) {
	o.MaxConnections = b.connections
	o.MaxUploads, o.MaxUploadsPerLink = b.uploads, b.uploadsPerLink
	o.MaxUpload, o.MinUploadRate = b.maxUpload.bytes, b.minUploadRate.bytes
	o.MaxRejections, o.MaxUnpack = b.maxRejections, b.maxUnpack
}
