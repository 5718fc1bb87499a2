// Package object is where bytes lie: the files that jobs read and the reports they
// leave, as immutable objects with S3's names.
//
// In come names and streams, out go streams and what is known about them. Every
// backend promises what objecttest.Run checks: an object is replaced as a whole or
// not at all, an acknowledged Put survives a crash, and a held version stays
// readable, whatever is put over its name, until it is released.
package object

import (
	"context"
	"io"
	"iter"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

// Name says where an object is. Buckets of two accounts never meet, even under
// one name.
type Name struct {
	Account string
	Bucket  string
	Key     string
}

// URL returns the name as s3://bucket/key.
func (n Name) URL() string { return "s3://" + n.Bucket + "/" + n.Key }

// Redacted says for a log where n is, without its key, which may be a member's address.
func (n Name) Redacted() string { return "an object of the bucket " + n.Bucket }

// ParseURL reads s3://bucket/key as seen by account. It returns fault.Invalid when
// the text has another scheme, or no bucket, or no key.
func ParseURL(account, url string) (Name, error) {
	rest, ok := strings.CutPrefix(url, "s3://")
	bucket, key, found := strings.Cut(rest, "/")
	if !ok || !found || bucket == "" || key == "" {
		return Name{}, fault.New(fault.Invalid, "%q is not of the form s3://bucket/key", url)
	}
	return Name{Account: account, Bucket: bucket, Key: key}, nil
}

// Link is what a pre-signed URL is to allow.
type Link struct {
	Method string // GET, HEAD or PUT
	Name   Name
	Base   string        // scheme and host under which the caller reached us; a foreign S3 has no use for it
	Region string        // the caller signed for; as Base
	Life   time.Duration // from now
	// FileName is what a browser names the file of a GET by; empty leaves it to the browser.
	FileName string
	Header   http.Header // what the user of a PUT must send just so, such as Content-Type; other headers are free
}

// Info is what is known about an object without reading it.
type Info struct {
	Name     Name
	Size     int64
	ETag     string // as S3 shows it, without quotes
	Version  string // names these very bytes; another Put under the name makes another version
	Modified time.Time
}

// Store holds objects. Its methods may be called concurrently. A name that holds
// nothing is fault.NotFound.
type Store interface {
	// Stat returns what is known of the object n.
	Stat(ctx context.Context, n Name) (Info, error)

	// Hold returns what is known of the object n and keeps that version readable by Open until
	// Release is called with the same holder, also over restarts. A holder holds
	// one version: holding again moves it. The holder is any name that the caller
	// will remember, such as a job's id.
	Hold(ctx context.Context, n Name, holder string) (Info, error)

	// Release ends what holder held; to hold nothing is no error.
	Release(ctx context.Context, holder string) error

	// Open reads the given version of n from offset to its end. An empty version
	// means what is there now. A version that is gone, because nobody held it, is
	// fault.Broken with a sentence that says the object has changed. The caller
	// closes the reader.
	Open(ctx context.Context, n Name, version string, offset int64) (io.ReadCloser, error)

	// Put stores what r gives under n, replacing what was there, once r has ended
	// without an error; otherwise nothing has changed. Missing buckets are made.
	Put(ctx context.Context, n Name, contentType string, r io.Reader) (Info, error)

	// Delete removes what is at n; to find nothing is no error.
	Delete(ctx context.Context, n Name) error

	Upkeep
}

// Upkeep is what maintenance asks of all accounts, see package maintenance.
type Upkeep interface {
	// Holders gives the holders that Hold was called with and Release was not. A holder
	// that holds from the call to the end is among them. A store that cannot keep what is
	// held gives none.
	Holders(ctx context.Context) iter.Seq2[Holder, error]

	// Objects gives the objects of a bucket in all accounts, by account and then by key. An
	// object that is there from the call to the end is among them. Their Version may be
	// empty. A bucket that is not the store's own is fault.Denied, or has no objects.
	Objects(ctx context.Context, bucket string) iter.Seq2[Info, error]

	// DeleteIfUnchanged removes an object if it is still the one that Objects, Stat or Put
	// gave, and reports whether it was.
	DeleteIfUnchanged(ctx context.Context, i Info) (deleted bool, err error)

	// AbortUploads ends up to limit multipart uploads that began before a time, in every
	// bucket of the store's own, and frees their parts. It returns how many it ended, and
	// how many bytes the parts had, if the store can say.
	AbortUploads(ctx context.Context, before time.Time, limit int) (ended int, bytes int64, err error)
}

// Holder is who holds a version of an object, see Store.Hold.
type Holder struct {
	Name  string
	Bytes int64
	Since time.Time // zero if it is not known
}

// Attachment is a Content-Disposition with which a browser saves a file under a name.
func Attachment(file string) string {
	return mime.FormatMediaType("attachment", map[string]string{"filename": file})
}
