//go:build unix

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// others are the permissions of everybody but the owner.
const others fs.FileMode = 0o077

// isReadableByOthers reports whether other users than the owner of a file can read it.
func isReadableByOthers(info fs.FileInfo) bool { return info.Mode()&others&0o044 != 0 }

// keepPrivate makes sure that only the owner of the process can read what is in the
// data directory: what will be written there, by the umask, and what is there already.
// What belongs to somebody else is left as it is.
func keepPrivate(data string, log *slog.Logger) error {
	syscall.Umask(int(others))
	tightened, secret, err := tighten(data)
	if err != nil {
		return fmt.Errorf("make the data directory private: %w", err)
	}
	if tightened > 0 {
		log.Info("permissions tightened: the data directory is for its owner only", slog.Int("files", tightened))
	}
	if secret {
		log.Warn("other users of this machine could read the root key; consider a new one", slog.String("file", "credentials"))
	}
	if info, err := os.Stat(data); err == nil && info.Mode()&others != 0 {
		log.Warn("other users of this machine can list the data directory: its mode is left as it is, because it belongs to another user or is shared",
			slog.String("mode", info.Mode().String()))
	}
	return nil
}

// tighten takes permissions from others, and returns from how many files and
// directories, and whether the credentials were among them.
func tighten(data string) (changed int, secret bool, err error) {
	if info, err := os.Stat(credentialsFile(data)); err == nil {
		secret = info.Mode()&others != 0
	}
	err = filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if path != data && filepath.Dir(path) == data && !isOwn(d.Name()) {
			if d.IsDir() {
				return fs.SkipDir // in a directory that holds other things too
			}
			return nil
		}
		info, err := d.Info()
		if err != nil || info.Mode()&others == 0 || !mayChange(info) {
			return ignoreMissing(err)
		}
		if err := os.Chmod(path, info.Mode()&^others); err != nil {
			return ignoreMissing(err)
		}
		changed++
		return nil
	})
	return changed, secret, err
}

// isOwn reports whether a name in the data directory is one that the server makes.
func isOwn(name string) bool {
	for _, prefix := range []string{"store", "objects", "snapshots", "credentials", "endpoint.json", ".credentials-", ".endpoint.json-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// mayChange reports whether the permissions of a file are ours to change: not those of
// somebody else's, of a link, or of a directory that is there for all, such as /tmp.
func mayChange(info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == os.Geteuid() &&
		(info.Mode().IsRegular() || info.IsDir()) && info.Mode()&fs.ModeSticky == 0
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}
