package maintenance

import (
	"context"
	"regexp"
)

const uuidForm = `[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`

// uploadKey is the form of the keys to which callers upload a file for a job: the link of
// a job of Mail Manager, the link of StartContentUpload, and what sluice import uploads.
var uploadKey = regexp.MustCompile(`^(?:uploads/job-[a-z0-9]+|uploads/` + uuidForm + `/` + uuidForm + `|imports/` + uuidForm + `/[^/]*)$`)

// isUpload reports whether a key of the server's own bucket is that of an upload.
func isUpload(key string) bool { return uploadKey.MatchString(key) }

// removeUploads aborts multipart uploads that nobody completed, and removes the files of
// uploads that no job reads: it was never made, or is gone.
func (m *Maintenance) removeUploads(ctx context.Context, t *tally) (more bool, err error) {
	if m.o.KeepUploads <= 0 {
		return false, nil
	}
	before := m.o.Now().Add(-m.o.KeepUploads)
	ended, bytes, err := m.objects.AbortUploads(ctx, before, maxRemovals)
	t.count, t.bytes = t.count+int64(ended), t.bytes+bytes
	if err != nil || ended == maxRemovals {
		return true, err
	}
	for i, err := range m.objects.Objects(ctx, m.o.Bucket) {
		if err != nil {
			return false, err
		}
		if !isUpload(i.Name.Key) || i.Modified.After(before) {
			continue
		}
		use, err := m.store.SourceUse(ctx, i.Name.Account, i.Name.Bucket, i.Name.Key)
		if err != nil {
			return false, err
		}
		if use.Jobs > 0 {
			continue
		}
		if more = t.count >= maxRemovals; more {
			return true, nil
		}
		if err := m.remove(ctx, i, t); err != nil {
			return false, err
		}
	}
	return false, nil
}
