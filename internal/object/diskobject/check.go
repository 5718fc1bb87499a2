package diskobject

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/pebbledb"
)

// The codes of findings. They are part of what `sluice check --json` prints and do not
// change.
const (
	RowUnreadable    = "index-unreadable"   // a file of the index is damaged where the row is
	RowDamaged       = "index-damaged"      // a row does not decode
	RowUnknown       = "index-unknown"      // a key is of no known form
	NoBucket         = "bucket-missing"     // an object or upload is in a bucket that does not exist
	NoContent        = "content-missing"    // an object or hold has no content
	NoUpload         = "upload-missing"     // a part is of an upload that does not exist
	WrongReferences  = "content-references" // references are not those counted
	WrongSize        = "object-size"        // sizes of an object and of its content differ
	BlobMissing      = "blob-missing"       // there is no file
	BlobSize         = "blob-size"          // the file has another size
	BlobDamaged      = "blob-damaged"       // a block fails its checksum
	BlobShared       = "blob-shared"        // two contents have it
	BlobUnused       = "blob-unused"        // nothing refers to a blob of the index
	BlobUnknown      = "blob-unknown"       // the index does not know a file
	BlobUnfinished   = "blob-unfinished"    // a crash has left a file unfinished
	BlobUnreferenced = "blob-unreferenced"  // an earlier start has set a file aside
)

// Finding is something that does not hold together.
type Finding struct {
	Code    string
	Subject string // what it is about: a file below the directory, or an object, hold, upload
	Problem string
	File    string // that a repair may remove, below the directory; "" if there is none
}

// CheckTotals is how much a check has seen.
type CheckTotals struct {
	Buckets, Objects, Contents, Holds, Uploads, Blobs int64
	Bytes                                             int64 // of blobs
}

// CheckOptions say what a check looks at.
type CheckOptions struct {
	Deep bool // read every blob and verify its checksums
	// Live leaves out files that a running server may just be writing: the index is a
	// snapshot, the blobs are not.
	Live bool
	// Progress, if not nil, is called now and then with the bytes of blobs checked, and
	// those to check.
	Progress func(done, total int64)
}

// Inspection is a store that is open for reading, to be checked.
type Inspection struct {
	fs  vfs.FS
	dir string
	db  *pebble.DB
}

// Inspect opens the store in dir to be checked; index is the directory of its index, or
// of a snapshot of it. It writes nothing. The lock, if not nil, is one of the index that
// the caller has.
func Inspect(dir, index string, fs vfs.FS, lock *pebble.Lock) (*Inspection, error) {
	cache := pebble.NewCache(indexCache)
	defer cache.Unref()
	db, err := pebbledb.OpenReadOnly(index, "object index", &pebble.Options{
		FS: fs, Cache: cache, MemTableSize: indexMemTable, FormatMajorVersion: pebble.FormatValueSeparation,
	}, lock)
	if err != nil {
		return nil, fmt.Errorf("open object index %s: %w", index, err)
	}
	return &Inspection{fs: fs, dir: dir, db: db}, nil
}

// Close gives the store up.
func (i *Inspection) Close() error { return i.db.Close() }

// Check reads the whole index, looks at every file, and reports what does not hold
// together. Its memory is bounded, but for the names of the files.
func (i *Inspection) Check(ctx context.Context, o CheckOptions, report func(Finding)) (CheckTotals, error) {
	c := &indexCheck{Inspection: i, o: o, stop: ctx.Err, report: report}
	if c.o.Progress == nil {
		c.o.Progress = func(int64, int64) {}
	}
	for _, step := range []func() error{c.checkNames, c.checkReferences, c.checkBlobs, c.checkFiles, c.checkTables} {
		if err := step(); err != nil {
			return c.totals, err
		}
	}
	return c.totals, nil
}

// Holds calls fn with every hold whose row is sound: who holds, and the account of what
// is held, empty if that is missing or damaged.
func (i *Inspection) Holds(fn func(holder, account string) error) error {
	return i.scan("h", func(key, value []byte) error {
		var h hold
		var c content
		if json.Unmarshal(value, &h) != nil {
			return nil // which Check reports
		}
		text, ok, err := raw(i.db, contentKey(h.Content))
		if err != nil {
			return err
		}
		if ok {
			_ = json.Unmarshal(text, &c)
		}
		return fn(string(key[1:]), c.Account)
	})
}

// Keys calls fn with the account, key and content type of every object in the buckets of
// a name whose keys begin with prefix.
func (i *Inspection) Keys(bucket, prefix string, fn func(account, key, contentType string) error) error {
	return i.scan("b", func(key, _ []byte) error {
		account, name, _ := strings.Cut(string(key[1:]), "\x00")
		if name != bucket {
			return nil
		}
		root := objectKey(object.Name{Account: account, Bucket: bucket})
		return i.scan(string(root)+prefix, func(key, value []byte) error {
			var e entry
			if json.Unmarshal(value, &e) != nil {
				return nil // which Check reports
			}
			return fn(account, string(key[len(root):]), e.Meta.ContentType)
		})
	})
}

// Has reports whether there is an object.
func (i *Inspection) Has(n object.Name) (bool, error) {
	_, ok, err := raw(i.db, objectKey(n))
	return ok, err
}

// HasVersion reports whether a version of an object can be read: it is there now, or
// the holder holds it.
func (i *Inspection) HasVersion(n object.Name, version, holder string) (bool, error) {
	for _, key := range [][]byte{objectKey(n), holdKey(holder)} {
		text, ok, err := raw(i.db, key)
		if err != nil {
			return false, err
		}
		var refers struct {
			Content string `json:"content"` // of an entry and of a hold
		}
		if ok && json.Unmarshal(text, &refers) == nil && refers.Content == version {
			return true, nil
		}
	}
	return false, nil
}

func (i *Inspection) scan(prefix string, fn func(key, value []byte) error) error {
	bounds := &pebble.IterOptions{}
	if prefix != "" { // Pebble does not take an empty bound for none
		bounds.LowerBound, bounds.UpperBound = []byte(prefix), pebbledb.PrefixEnd([]byte(prefix))
	}
	it, err := i.db.NewIter(bounds)
	if err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("read index: %w", err)
		}
		if err := fn(it.Key(), value); err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	return nil
}

// indexCheck is one check.
type indexCheck struct {
	*Inspection
	o      CheckOptions
	stop   func() error // why to go on no longer
	report func(Finding)
	totals CheckTotals
	block  []byte // to read blobs into
	// unreadable says that rows are missing: what refers to them cannot be judged.
	unreadable bool
}

func (c *indexCheck) found(code, subject, format string, args ...any) {
	c.report(Finding{Code: code, Subject: subject, Problem: fmt.Sprintf(format, args...)})
}

// each calls do with every row of a table. If the index cannot read on, that is a
// finding and the rest of the table is left out.
func (c *indexCheck) each(table byte, what string, do func(key, value []byte)) error {
	n, stopped := 0, error(nil)
	err := c.scan(string(table), func(key, value []byte) error {
		if n++; n%1024 == 0 {
			if stopped = c.stop(); stopped != nil {
				return stopped
			}
		}
		do(key[1:], value)
		return nil
	})
	if stopped != nil {
		return stopped
	}
	if err != nil && !c.unreadable {
		c.unreadable = true
		c.found(RowUnreadable, what, "cannot be read beyond row %d: %v", n, err)
	}
	return nil
}

// decode reads a row, and reports one that does not decode if this is the first time.
func (c *indexCheck) decode(value []byte, v any, first bool, subject string) bool {
	err := json.Unmarshal(value, v)
	if err != nil && first {
		c.found(RowDamaged, subject, "the row does not decode: %v", err)
	}
	return err == nil
}

// id is a blob's or content's name.
type id [16]byte

func parseID(s string) (v id, ok bool) {
	if len(s) != 2*len(v) {
		return v, false
	}
	_, err := hex.Decode(v[:], []byte(s))
	return v, err == nil
}

func (v id) String() string { return hex.EncodeToString(v[:]) }

// nameOf splits the rest of a key into account, bucket and key.
func nameOf(rest string) (object.Name, bool) {
	account, rest, ok := strings.Cut(rest, "\x00")
	bucket, key, ok2 := strings.Cut(rest, "\x00")
	return object.Name{Account: account, Bucket: bucket, Key: key}, ok && ok2 && key != ""
}

func splitUpload(rest string) (n object.Name, upload string, ok bool) {
	n, ok = nameOf(rest)
	cut := len(n.Key) - uploadIDLength - 1
	if !ok || cut < 1 || n.Key[cut] != 0 {
		return n, "", false
	}
	upload, n.Key = n.Key[cut+1:], n.Key[:cut]
	return n, upload, true
}

func objectSubject(n object.Name) string {
	return fmt.Sprintf("object %s (account %s)", n.URL(), n.Account)
}
