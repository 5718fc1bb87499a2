package s3

import (
	"mime"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/internal/object"
)

// inert are the types that a browser shows without running anything of them.
var inert = []string{
	"application/gzip", "application/json", "application/x-ndjson", "application/zip", "application/zstd",
	"image/avif", "image/gif", "image/jpeg", "image/png", "image/webp",
	"text/csv", "text/plain", "text/tab-separated-values",
}

// isInert reports whether a browser that opens a link to an object of this type runs
// nothing that is in it. What is not known may be run.
func isInert(contentType string) bool {
	name, _, err := mime.ParseMediaType(contentType)
	return err == nil && (slices.Contains(inert, name) || strings.HasPrefix(name, "audio/") || strings.HasPrefix(name, "video/"))
}

// asAttachment makes a Content-Disposition one with which a browser saves the file,
// under the name that it has.
func asAttachment(disposition string) string {
	kind, parameters, err := mime.ParseMediaType(disposition)
	switch {
	case err != nil:
		return "attachment"
	case kind == "attachment":
		return disposition
	}
	if name := parameters["filename"]; name != "" {
		return object.Attachment(name)
	}
	return "attachment"
}
