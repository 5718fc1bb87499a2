package backup

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Objects says whether a backup holds the uploads and reports of its server. A server
// with --objects keeps them in an S3, which is backed up by other means.
type Objects struct {
	Excluded bool   `json:"excluded"`
	Bucket   string `json:"bucket,omitempty"` // that has them if they are excluded, if known
	// OnDisk is set if files are in the data directory that the server does not use, and
	// that are not in the backup: they are older than --objects.
	OnDisk bool `json:"on_disk,omitempty"`
}

// objects returns what is to be said of the objects of a snapshot.
func (s Snapshot) objects() Objects {
	if s.HasBlobs {
		return Objects{}
	}
	blobs, _ := os.ReadDir(filepath.Join(s.Data, filepath.FromSlash(blobsPrefix)))
	return Objects{
		Excluded: true, Bucket: s.Bucket,
		OnDisk: len(blobs) > 0 || exists(filepath.Join(s.Data, filepath.FromSlash(indexPath))),
	}
}

// Missing returns sentences on what a backup of a data directory does not hold.
func (o Objects) Missing(data string) []string {
	if !o.Excluded {
		return nil
	}
	where := "an S3"
	if o.Bucket != "" {
		where = "the bucket " + o.Bucket
	}
	sentences := []string{fmt.Sprintf("not in the backup: uploads and reports, which the server keeps in %s (--objects); back that up as well", where)}
	if o.OnDisk {
		dir := filepath.Join(data, strings.SplitN(indexPath, "/", 2)[0])
		sentences = append(sentences, fmt.Sprintf("not in the backup: the files in %s, which the server has not used since it was given --objects; if they are needed, copy that directory while the server is stopped", dir))
	}
	return sentences
}
