package maintenance

import (
	"context"
	"regexp"

	"github.com/sluicehq/sluice/internal/object"
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
	ended, bytes, err := m.objects.AbortUploads(ctx, before, m.most)
	t.add(int64(ended), bytes)
	if err := t.skip("", err); err != nil || ended >= m.most {
		return err == nil, err
	}
	return m.removeObjects(ctx, t, func(i object.Info) (bool, error) {
		if !isUpload(i.Name.Key) || i.Modified.After(before) {
			return false, nil
		}
		use, err := m.store.SourceUse(ctx, i.Name.Account, i.Name.Bucket, i.Name.Key)
		return use.Jobs == 0, err
	})
}
