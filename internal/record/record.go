// Package record turns the bytes of a source into records.
//
// In come bytes: plain, gzip or zstd, UTF-8 or, by byte order mark, UTF-16, as CSV
// or JSON. Out come records in file order, each with its number, line, byte offset,
// raw text and the fields that a Schema asked for. A bad row is a record with a
// refusal of its own and never ends the reading; a source that is broken as a whole
// ends it with fault.Broken and a sentence that names line and byte.
//
// The package is pure: it reads from an io.Reader and does not know any file, no network and
// no clock. It allocates nothing per record; a Record and all it points to are
// valid until the next one is asked for. What it holds in memory is bounded by
// MaxRecord, a chunk and, for zstd, the stream's window of at most 32 MiB.
//
// # Bytes
//
// Gzip, of one member or several, and zstd are known by their first bytes, whatever
// the source is called. A byte order mark is skipped; one of UTF-16 makes the
// source UTF-16. Archives, pictures, workbooks, bytes with NULs near the beginning
// and text that is clearly of the other format break the source. After that, a record
// that is not UTF-8 or holds a NUL is refused and nothing else. A line ends in LF,
// CR LF or CR. A record longer than 1 MiB is refused as soon as that is known, and the
// rest of it skipped.
//
// # Positions
//
// Reading can be resumed at any Position that a Decoder had: after a record, but also
// in the middle of text without records, which may be of any length. That is white space
// between records, what stands before the first one or after the last, and the rest of
// a record that is too long. A plain source is opened at the position's offset, a packed
// one is unpacked from its start. The layout has three parts:
//
//	plain csv                          after a record, in a file without a header
//	packed csv ["emailAddress",""]     after a record; the columns by name
//	plain begin json                   before the first record
//	packed in-line json lines          in a line that is skipped
//	plain in-string:2:17 json array    in a value that is skipped, within a string in two
//	                                   objects or arrays; the value begins at line 17
//	plain due json items               after a comma, before an element
//
// # CSV
//
// RFC 4180, https://www.rfc-editor.org/rfc/rfc4180, read leniently:
//
//   - Lines that are empty or hold only blanks (spaces and tabs) are no records.
//   - Blanks around a cell are dropped, those within its quotes stay.
//   - A quote within a cell that does not begin with one is text, as in
//     a@b.c,{"Name": "John"}.
//   - A cell whose closing quote is followed by text is taken as it stands, quotes and
//     all, as in "John Doe"@example.com.
//   - A quote that opens a cell and is not closed within 1 MiB or before the end, or
//     only by a quote on a later line that text follows, is a stray. Its line is
//     refused, and reading goes on with the next line, so nothing else is lost.
//   - Cells that are missing at the end of a row are Absent. Surplus ones are let pass
//     if they are empty; otherwise the row is refused.
//   - Names in a header are compared without regard to surrounding blanks and, where
//     none is exactly the same, to case. Their order is free, and columns that nobody
//     asked for are skipped.
//
// # JSON
//
// RFC 8259, https://www.rfc-editor.org/rfc/rfc8259, laid out in one of these ways,
// which the first value tells:
//
//   - one object with an array of records as the member Schema.Items;
//   - one array of records;
//   - one value a line. A line that is not JSON is refused, and the next is read;
//   - values one after the other, each over several lines.
//
// In the last two, commas may stand between values. Where there are no lines to go by,
// text that is not JSON breaks the source. Of members with one name the last wins; one
// half of a surrogate pair becomes U+FFFD. A value that nests more than 64 deep, or is
// of another kind than a record, is refused.
package record

import "io"

// Format is the form of a source's text.
type Format string

// The formats.
const (
	CSV  Format = "CSV"  // RFC 4180, read leniently
	JSON Format = "JSON" // one object with items, one array, or values one after the other
)

// Position is a place between two records, or in text that has none, at which reading can
// be resumed.
// Offset counts bytes of the source's text as UTF-8: for a plain UTF-8 file that is
// the place in the file (a byte order mark counts), for a compressed one the place
// in what it unpacks to.
type Position struct {
	Record int64  `json:",omitzero"` // how many records lie before, with one whose rest is passed over
	Line   int64  `json:",omitzero"` // how many line ends lie before
	Offset int64  `json:",omitzero"` // how many bytes lie before
	Layout string `json:",omitzero"` // how the source is laid out, as its beginning told, and what is due; the Decoder's own words
}

// Kind says what a field holds.
type Kind uint8

// The kinds of a field. A CSV field is Absent (no such column, or the row is too
// short) or Text.
const (
	Absent Kind = iota
	Text
	Bool   // JSON true or false; Bytes is the word
	Number // JSON; Bytes is the number as written
	Null   // JSON
	Nested // JSON array or object; Bytes is its raw text
)

// Field is the value of one of a Schema's fields in one record.
type Field struct {
	Kind  Kind
	Bytes []byte
}

// Record is one row of a source, valid until the next is asked for.
type Record struct {
	Number  int64    // 1 for the first; a header is not a record
	Line    int64    // of its first byte, 1 for the first line
	Offset  int64    // of its first byte, as in Position
	Raw     []byte   // its text as UTF-8, without the line end
	Fields  []Field  // one for each of Schema.Fields, in that order
	Refused *Refusal // not nil: the row cannot be read, and Fields mean nothing
}

// Refusal is why a record is refused. Code is a word for programs, Reason a
// sentence for people; neither holds any of the record's text.
type Refusal struct {
	Code   string
	Reason string
}

// Header says what the first row of a CSV source is.
type Header uint8

// The kinds of header.
const (
	HeaderNone     Header = iota // columns are in the order of Schema.Fields; a first row that spells these names in this order is skipped
	HeaderRequired               // the first row names the columns; one without those that Schema.Required counts breaks the source
	HeaderOptional               // the first row is a header if it names Schema.Fields[0], otherwise as HeaderNone
)

// Schema is what a destination wants from each record.
type Schema struct {
	// Fields names the wanted columns of a CSV source and members of a JSON record.
	// Members are compared exactly. A column is for the field of its name, and if there
	// is none, for that of its name in other letters, large or small.
	//
	// Where there may be a header, a last field such as "topic.*" stands for other
	// columns: those whose names begin with what is before the *, and that no other
	// field is for. It has the last of their cells that holds more than blanks.
	Fields []string
	Header Header
	// Required tells how many of the first Fields a required header must name; 0 is 1.
	Required int
	// Column, if not nil, returns the name to compare with Fields for one in a header.
	Column func(name string) string
	// Starts tells, for HeaderOptional, whether a first row without the header can
	// be a record, judged by its first cell; one that cannot breaks the source. Nil
	// lets every row be a record.
	Starts func(cell []byte) bool
	// Items names the member of a JSON object that holds the records, for sources
	// that are one object such as {"items":[…]}. Empty: an object is a record.
	Items string
	// Bare lets a JSON string stand for a record whose first field it is.
	Bare bool
}

// Source gives the bytes of a source from an offset on. It is called again, with
// another offset, when reading is resumed in the middle of a plain source.
type Source func(offset int64) (io.ReadCloser, error)
