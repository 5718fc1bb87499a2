package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// file is what is imported. It can be read any number of times.
type file struct {
	name   string // for people
	format string // CSV or JSON
	size   int64
	open   func() io.Reader // from its start
}

// mostUploads is how often a file is sent at most. A connection that breaks each time is no
// restart: a proxy may limit what it lets through.
const mostUploads = 10

// upload sends a file by put, from its start each time, until it is there. What put asks
// for before it sends, such as a link, it has to ask for each time: links name the
// address of the server, and that may be another after a restart.
func (c *client) upload(ctx context.Context, f *file, put func(ctx context.Context, body io.Reader) error) error {
	sent := 0
	return c.retrying(ctx, func(ctx context.Context) error {
		body := &source{from: f.open(), left: f.size}
		err := put(ctx, body)
		used, readErr := body.stop()
		switch {
		case err == nil:
			return nil
		case readErr != nil && ctx.Err() == nil:
			return &finalError{fmt.Errorf("read %s: %w", f.name, readErr)}
		case used:
			sent++
		}
		if sent == mostUploads {
			return &finalError{fmt.Errorf("the upload broke off %d times: %w", sent, err)}
		}
		return err
	})
}

// finalError is an error of an upload that stays the same when the server is back.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// source is the body of an upload. It keeps the error of the file apart from those of the
// connection.
type source struct {
	mu      sync.Mutex
	from    io.Reader
	left    int64
	used    bool
	stopped bool
	err     error
}

var errShorter = errors.New("the file became shorter while it was read")

// stop ends the reading: an HTTP client may go on with it for a moment after it has
// returned an error. It returns whether anything was read, and the error of the file.
func (s *source) stop() (used bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if shown, ok := s.from.(*metered); ok {
		shown.m.end()
	}
	return s.used, s.err
}

func (s *source) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return 0, io.ErrClosedPipe
	}
	s.used = true
	n, err := s.from.Read(p)
	s.left -= int64(n)
	if errors.Is(err, io.EOF) && s.left > 0 {
		err = errShorter
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// openedFile is a file that is to be imported.
type openedFile struct {
	file
	again bool // whether the same arguments name the same file again
	close func() error
}

// openFile opens a file on disk. Standard input, which "-" names, and what else can be read
// only once is copied into a temporary file first: an upload needs the size, and may have
// to be repeated.
func openFile(ctx context.Context, path, format string, stdin io.Reader) (*openedFile, error) {
	fd, name, again, err := openSource(ctx, path, stdin)
	if err != nil {
		return nil, err
	}
	info, err := fd.Stat()
	if format = strings.ToUpper(format); err == nil && format == "" {
		format, err = guessFormat(name, fd)
	}
	if err == nil && format != "CSV" && format != "JSON" {
		err = usageError{fmt.Errorf("format: %s is not one of CSV, JSON", quoteValue(format))}
	}
	if err != nil {
		fd.Close()
		return nil, err
	}
	size := info.Size()
	f := file{name: name, format: format, size: size, open: func() io.Reader { return io.NewSectionReader(fd, 0, size) }}
	closeFile := func() error {
		err := fd.Close()
		if !again {
			_ = os.Remove(fd.Name())
		}
		return err
	}
	return &openedFile{f, again, closeFile}, nil
}

// openSource returns a file that can be read from its start, its name, and whether the
// path names it a second time.
func openSource(ctx context.Context, path string, stdin io.Reader) (fd *os.File, name string, again bool, err error) {
	if path == "-" {
		fd, err = spool(ctx, stdin)
		return fd, "stdin", false, err
	}
	if fd, err = os.Open(path); err != nil {
		return nil, "", false, err
	}
	name = filepath.Base(path)
	info, err := fd.Stat()
	if err == nil && info.Mode().IsRegular() {
		return fd, name, true, nil
	}
	defer fd.Close()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory, not a file", path)
	}
	if err != nil {
		return nil, "", false, err
	}
	fd, err = spool(ctx, fd)
	return fd, name, false, err
}

// spool copies what can be read only once into a temporary file that has no name any more.
func spool(ctx context.Context, from io.Reader) (*os.File, error) {
	fd, err := os.CreateTemp("", "sluice-import-")
	if err != nil {
		return nil, fmt.Errorf("copy the input into a temporary file: %w", err)
	}
	_ = os.Remove(fd.Name()) // where that cannot be yet, close does it
	copied := make(chan error, 1)
	go func() {
		_, err := bufio.NewReaderSize(from, 1<<20).WriteTo(fd)
		copied <- err
	}()
	select {
	case err = <-copied:
	case <-ctx.Done(): // the copy ends with the process: a read of a terminal cannot be ended
		err = ctx.Err()
	}
	if err != nil {
		fd.Close()
		_ = os.Remove(fd.Name())
		return nil, fmt.Errorf("copy the input into a temporary file: %w", err)
	}
	return fd, nil
}

// guessFormat returns the format by the file's name, or else by whether its text begins
// like JSON.
func guessFormat(path string, fd io.ReaderAt) (string, error) {
	name := strings.ToLower(path)
	for _, packed := range []string{".gz", ".zst"} {
		name = strings.TrimSuffix(name, packed)
	}
	switch filepath.Ext(name) {
	case ".csv", ".txt":
		return "CSV", nil
	case ".json", ".jsonl", ".ndjson":
		return "JSON", nil
	}
	head := make([]byte, 512)
	n, err := fd.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	text := strings.TrimLeft(strings.TrimPrefix(string(head[:n]), "\ufeff"), " \t\r\n")
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
		return "JSON", nil
	}
	return "CSV", nil
}
