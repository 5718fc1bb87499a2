package diskobject

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/internal/object"
)

// checkNames checks buckets, and that objects, uploads and parts are in what exists.
func (c *indexCheck) checkNames() error {
	err := c.each('b', "buckets", func(key, value []byte) {
		c.totals.Buckets++
		account, name, ok := strings.Cut(string(key), "\x00")
		subject := fmt.Sprintf("bucket %s (account %s)", name, account)
		var b Bucket
		if !ok {
			c.found(RowUnknown, subject, "the key is damaged")
		} else if c.decode(value, &b, true, subject) && b.Name != name {
			c.found(RowDamaged, subject, "the row is that of bucket %s", b.Name)
		}
	})
	if err == nil {
		err = c.checkUploads()
	}
	if err == nil {
		err = c.checkCompleted()
	}
	return err
}

// checkCompleted checks what is remembered of completed uploads. It refers to nothing:
// the object may have been replaced or deleted since.
func (c *indexCheck) checkCompleted() error {
	return c.each('f', "completed uploads", func(key, value []byte) {
		if len(key) != uploadIDLength {
			c.found(RowUnknown, "completed uploads", "the key %q is damaged", key)
			return
		}
		var d completed
		c.decode(value, &d, true, fmt.Sprintf("completed upload %s", key))
	})
}

func (c *indexCheck) checkUploads() error {
	err := c.each('u', "uploads", func(key, value []byte) {
		c.totals.Uploads++
		n, upload, ok := splitUpload(string(key))
		subject := "upload " + upload
		if !ok {
			c.found(RowUnknown, "uploads", "the key %q is damaged", key)
			return
		}
		var u Upload
		c.decode(value, &u, true, subject)
		c.needBucket(n, subject)
	})
	if err != nil {
		return err
	}
	known := c.uploads()
	return c.each('p', "parts of uploads", func(key, value []byte) {
		if len(key) != uploadIDLength+2 {
			c.found(RowUnknown, "parts of uploads", "the key %q is damaged", key)
			return
		}
		upload, number := string(key[:uploadIDLength]), int(binary.BigEndian.Uint16(key[uploadIDLength:]))
		subject := fmt.Sprintf("part %d of upload %s", number, upload)
		var p Part
		if c.decode(value, &p, true, subject) && p.Number != number {
			c.found(RowDamaged, subject, "the row is that of part %d", p.Number)
		}
		if !known(upload) && !c.unreadable {
			c.found(NoUpload, subject, "the upload does not exist")
		}
	})
}

// uploads returns a function that reports whether an upload exists.
func (c *indexCheck) uploads() func(upload string) bool {
	all := map[string]bool{}
	_ = c.each('u', "uploads", func(key, _ []byte) {
		if _, upload, ok := splitUpload(string(key)); ok {
			all[upload] = true
		}
	})
	return func(upload string) bool { return all[upload] }
}

func (c *indexCheck) needBucket(n object.Name, subject string) {
	_, ok, err := raw(c.db, bucketKey(n.Account, n.Bucket))
	if err == nil && !ok {
		c.found(NoBucket, subject, "the bucket %s does not exist", n.Bucket)
	}
}

// maxTracked is how many contents and blobs a pass over the index keeps in memory,
// about 40 bytes each.
const maxTracked = 1 << 20

// pass is one pass over the index: the contents and blobs of a share of all ids.
type pass struct {
	*indexCheck
	number, passes uint32
	first          bool       // to report what is wrong with single rows
	references     map[id]int // counted in contents and not found yet
	blobs          map[id]int // references found
}

func (p *pass) mine(v id) bool { return binary.BigEndian.Uint32(v[:])%p.passes == p.number }

// checkReferences compares references with what they refer to, in both directions.
func (c *indexCheck) checkReferences() error {
	n := uint32(0)
	for _, table := range []byte{'c', 's'} {
		if err := c.each(table, "index", func(_, _ []byte) { n++ }); err != nil {
			return err
		}
	}
	passes := n/maxTracked + 1
	for i := range passes {
		p := &pass{c, i, passes, i == 0, map[id]int{}, map[id]int{}}
		if err := p.run(); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) run() error {
	for _, table := range []struct {
		name byte
		what string
		do   func(key, value []byte)
	}{
		{'s', "blobs", p.blob},
		{'c', "contents", p.content},
		{'p', "parts of uploads", p.part},
		{'o', "objects", p.object},
		{'h', "holds", p.hold},
	} {
		if err := p.each(table.name, table.what, table.do); err != nil {
			return err
		}
	}
	if p.unreadable {
		return nil // what is missing may be what cannot be read
	}
	for v, n := range p.references {
		if n != 0 {
			p.found(WrongReferences, "content "+v.String(), "counts %d references more than there are", n)
		}
	}
	for v, n := range p.blobs {
		switch {
		case n == 0:
			p.found(BlobUnused, "blobs/"+v.String(), "no object and no upload refers to it: it only takes space")
		case n > 1:
			p.found(BlobShared, "blobs/"+v.String(), "%d contents have it", n)
		}
	}
	return nil
}

func (p *pass) blob(key, _ []byte) {
	v, ok := parseID(string(key))
	if !ok && p.first {
		p.found(RowUnknown, "blobs", "the key %q is damaged", key)
	}
	if ok && p.mine(v) {
		p.blobs[v] = 0
	}
}

func (p *pass) content(key, value []byte) {
	v, ok := parseID(string(key))
	if !ok {
		if p.first {
			p.found(RowUnknown, "contents", "the key %q is damaged", key)
		}
		return
	}
	subject := "content " + v.String()
	var c content
	if !p.decode(value, &c, p.first, subject) {
		if p.mine(v) {
			p.references[v] = 0
		}
		return
	}
	if p.first {
		p.totals.Contents++
	}
	if p.mine(v) {
		p.references[v] = c.Refs
	}
	for _, seg := range c.Segments {
		p.refer(seg.Blob, subject)
	}
}

// refer notes that something has a blob.
func (p *pass) refer(blob, subject string) {
	v, ok := parseID(blob)
	switch {
	case blob == "": // an empty segment
	case !ok:
		if p.first {
			p.found(RowDamaged, subject, "it has a blob with the name %q", blob)
		}
	case p.mine(v):
		if n, known := p.blobs[v]; known {
			p.blobs[v] = n + 1
		} else if !p.unreadable {
			p.found(BlobMissing, subject, "the index does not know its blob %s", blob)
		}
	}
}

func (p *pass) part(key, value []byte) {
	var part Part
	if p.decode(value, &part, false, "") {
		p.refer(part.Blob, fmt.Sprintf("a part of upload %.32s", key))
	}
}

func (p *pass) object(key, value []byte) {
	n, ok := nameOf(string(key))
	if !ok {
		if p.first {
			p.found(RowUnknown, "objects", "the key %q is damaged", key)
		}
		return
	}
	subject := objectSubject(n)
	var e entry
	if !p.decode(value, &e, p.first, subject) {
		return
	}
	if p.first {
		p.totals.Objects++
		p.needBucket(n, subject)
		p.checkSize(e, subject)
	}
	p.use(e.Content, subject)
}

func (p *pass) checkSize(e entry, subject string) {
	var c content
	if ok, err := get(p.db, contentKey(e.Content), &c); err != nil || !ok {
		return // which is reported by another step
	}
	size := int64(0)
	for _, seg := range c.Segments {
		size += seg.Size
	}
	if size != e.Size {
		p.found(WrongSize, subject, "has %d bytes by its entry and %d by its content", e.Size, size)
	}
}

func (p *pass) hold(key, value []byte) {
	subject := fmt.Sprintf("hold of job %q", key)
	if p.first {
		p.totals.Holds++
	}
	var h hold
	if p.decode(value, &h, p.first, subject) {
		p.use(h.Content, subject)
	}
}

// use notes that something refers to a content.
func (p *pass) use(content, subject string) {
	v, ok := parseID(content)
	switch {
	case !ok:
		if p.first {
			p.found(RowDamaged, subject, "it has a content with the name %q", content)
		}
	case p.mine(v):
		if n, known := p.references[v]; known {
			p.references[v] = n - 1
		} else if !p.unreadable {
			p.found(NoContent, subject, "its content %s is not in the index: its bytes are lost", content)
		}
	}
}
