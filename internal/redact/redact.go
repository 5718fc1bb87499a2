// Package redact leaves the keys of objects out of what is logged: errors of stores name
// the object, and a key may be a member's address.
//
// In comes a key, and a text or a logger; out goes the text, or a logger of such texts,
// with "(key)" in its place, in whatever spelling URLs have it.
package redact

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
)

// Key is a key that is left out. The zero value leaves everything in.
type Key struct{ forms []string }

// New returns the Key for the key of an object.
func New(key string) Key {
	if key == "" {
		return Key{}
	}
	query := url.QueryEscape(key)
	path := strings.ReplaceAll(query, "+", "%20")
	forms := []string{
		key, (&url.URL{Path: key}).EscapedPath(), url.PathEscape(key),
		query, path, strings.ReplaceAll(path, "%2F", "/"), // the last is how AWS's clients spell it
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	return Key{slices.Compact(forms)}
}

// placeholder is what a log has instead of a key.
const placeholder = "(key)"

// Text returns a text without the key.
func (k Key) Text(text string) string {
	for _, form := range k.forms {
		text = strings.ReplaceAll(text, form, placeholder)
	}
	return text
}

// Error returns an error with the text of err, without the key. It wraps nothing.
func (k Key) Error(err error) error { return errors.New(k.Text(err.Error())) }

// Logger returns a logger whose lines do not have the key in any attribute.
func (k Key) Logger(log *slog.Logger) *slog.Logger {
	if len(k.forms) == 0 {
		return log
	}
	return slog.New(handler{log.Handler(), k})
}

type handler struct {
	slog.Handler
	key Key
}

// Handle implements slog.Handler.
func (h handler) Handle(ctx context.Context, in slog.Record) error {
	out := slog.NewRecord(in.Time, in.Level, in.Message, in.PC)
	in.Attrs(func(a slog.Attr) bool {
		switch v := a.Value.Resolve(); v.Kind() {
		case slog.KindString:
			a.Value = slog.StringValue(h.key.Text(v.String()))
		case slog.KindAny:
			if err, ok := v.Any().(error); ok {
				a.Value = slog.StringValue(h.key.Text(err.Error()))
			}
		}
		out.AddAttrs(a)
		return true
	})
	return h.Handler.Handle(ctx, out)
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs), h.key}
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name), h.key}
}
