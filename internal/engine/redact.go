package engine

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"strings"
)

// redactor is a handler that leaves the key of a job's source out of what is logged about
// the job: errors of stores name the object, and a key may be a member's address.
type redactor struct {
	slog.Handler
	forms []string // of the key, as it is and as URLs have it
}

// withoutKey returns a logger whose lines have not the given key of an object.
func withoutKey(log *slog.Logger, key string) *slog.Logger {
	if key == "" {
		return log
	}
	query := url.QueryEscape(key)
	path := strings.ReplaceAll(query, "+", "%20")
	forms := []string{
		key, (&url.URL{Path: key}).EscapedPath(), url.PathEscape(key),
		query, path, strings.ReplaceAll(path, "%2F", "/"), // the last is how AWS's clients spell it
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	return slog.New(redactor{log.Handler(), slices.Compact(forms)})
}

// redacted is what a log has instead of a key.
const redacted = "(key)"

func (r redactor) clean(text string) string {
	for _, form := range r.forms {
		text = strings.ReplaceAll(text, form, redacted)
	}
	return text
}

// Handle implements slog.Handler.
func (r redactor) Handle(ctx context.Context, in slog.Record) error {
	out := slog.NewRecord(in.Time, in.Level, in.Message, in.PC)
	in.Attrs(func(a slog.Attr) bool {
		switch v := a.Value.Resolve(); v.Kind() {
		case slog.KindString:
			a.Value = slog.StringValue(r.clean(v.String()))
		case slog.KindAny:
			if err, ok := v.Any().(error); ok {
				a.Value = slog.StringValue(r.clean(err.Error()))
			}
		}
		out.AddAttrs(a)
		return true
	})
	return r.Handler.Handle(ctx, out)
}

// WithAttrs implements slog.Handler.
func (r redactor) WithAttrs(attrs []slog.Attr) slog.Handler {
	return redactor{r.Handler.WithAttrs(attrs), r.forms}
}

// WithGroup implements slog.Handler.
func (r redactor) WithGroup(name string) slog.Handler {
	return redactor{r.Handler.WithGroup(name), r.forms}
}
