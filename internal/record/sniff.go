package record

import (
	"bytes"

	"github.com/sluicehq/sluice/internal/fault"
)

// sniffed is how much of a source's beginning is looked at to tell what it is.
const sniffed = 4 << 10

// forms are kinds of files that people give instead of text, by their first bytes.
var forms = []struct{ magic, name string }{
	{"PK\x03\x04", "a ZIP archive or an Excel workbook (.xlsx)"},
	{"\xd0\xcf\x11\xe0", "an old Office document (.xls, .doc)"},
	{"%PDF", "a PDF document"},
	{"\x89PNG", "a PNG picture"},
	{"\xff\xd8\xff", "a JPEG picture"},
	{"GIF8", "a GIF picture"},
	{"BZh", "a bzip2 file"},
	{"\xfd7zXZ", "an xz file"},
	{"7z\xbc\xaf", "a 7z archive"},
	{"\x1f\x8b", "a gzip file inside another"},
	{"\x28\xb5\x2f\xfd", "a zstd file inside another"},
	{"PAR1", "a Parquet file"},
	{"Obj\x01", "an Avro file"},
	{"ORC\n", "an ORC file"},
	{"SQLite format 3\x00", "an SQLite database"},
	{"\x7fELF", "a program"},
}

// sniff refuses a source whose beginning is not text, or clearly text of another
// format than f, and skips a byte order mark.
func (d *Decoder) sniff(f Format, s Schema) error {
	if err := d.win.need(sniffed); err != nil {
		return d.explain(err)
	}
	head := d.win.unread()
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		head = head[3:]
		d.win.pos += 3
	}
	head = head[:min(len(head), sniffed)]
	if name := binaryForm(head); name != "" {
		return fault.New(fault.Broken, "the source is not text: it looks like %s", name)
	}
	if name := otherFormat(head, f, s); name != "" {
		return fault.New(fault.Broken, "the source is not %s: it looks like %s", f, name)
	}
	return nil
}

// binaryForm names what head looks like if it does not look like text.
func binaryForm(head []byte) string {
	for _, form := range forms {
		if bytes.HasPrefix(head, []byte(form.magic)) {
			return form.name
		}
	}
	switch nuls := bytes.Count(head, []byte{0}); {
	case nuls == 0:
		return ""
	case len(head) >= 4 && nuls >= len(head)/3 && nuls <= len(head)*2/3:
		return "UTF-16 without a byte order mark"
	case len(head) > 262 && bytes.HasPrefix(head[257:], []byte("ustar")):
		return "a tar archive"
	}
	return "binary data, with NUL bytes near its beginning"
}

// otherFormat names what head looks like if it does not look like format f. It errs
// on the side of silence: what is unclear is read, and its rows refused.
func otherFormat(head []byte, f Format, s Schema) string {
	head = bytes.TrimLeft(head, " \t\r\n")
	if len(head) == 0 {
		return ""
	}
	if page := bytes.ToLower(head[:min(len(head), 14)]); bytes.HasPrefix(page, []byte("<?xml")) ||
		bytes.HasPrefix(page, []byte("<!doctype html")) || bytes.HasPrefix(page, []byte("<html")) {
		return "an XML or HTML page"
	}
	next := byte(0) // what follows the first byte, blanks apart
	if rest := bytes.TrimLeft(head[1:], " \t\r\n"); len(rest) > 0 {
		next = rest[0]
	}
	switch f {
	case CSV:
		if head[0] == '{' && (next == '"' || next == '}') ||
			head[0] == '[' && (next == '{' || next == '"' || next == '[' || next == ']') {
			return "JSON"
		}
	case JSON:
		if head[0] != '{' && head[0] != '[' && (head[0] != '"' || !s.Bare) {
			return "CSV or other plain text"
		}
	}
	return ""
}
