package s3

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf16"
)

var errXML = failure{"MalformedXML", http.StatusBadRequest, "The XML you provided was not well-formed or did not validate against our published schema"}

const (
	namespace       = "http://s3.amazonaws.com/doc/2006-03-01/"
	schemaNamespace = "http://www.w3.org/2001/XMLSchema-instance" // whose attributes say nothing about the request
)

// xmlElement is an element that a document may have. One without children has text, unless
// it is opaque, which means that its content has no effect.
type xmlElement struct {
	name     string
	repeated bool
	opaque   bool
	children []xmlElement
}

// The documents that are served. A document that has anything else, or that has an
// element twice that can be there once only, is refused: which of the two is meant, and
// whether the unknown one is a condition, is not certain.
//
// Source: Amazon S3 API Reference, "Request Syntax" of each operation.
var (
	deleteDocument = xmlElement{name: "Delete", children: []xmlElement{
		{name: "Object", repeated: true, children: []xmlElement{
			{name: "Key"}, {name: "VersionId"}, {name: "ETag"}, {name: "LastModifiedTime"}, {name: "Size"},
		}},
		{name: "Quiet"},
	}}
	completeDocument = xmlElement{name: "CompleteMultipartUpload", children: []xmlElement{
		{name: "Part", repeated: true, children: partElements()},
	}}
	createBucketDocument = xmlElement{name: "CreateBucketConfiguration", children: []xmlElement{
		{name: "LocationConstraint"},
		{name: "Location", opaque: true},
		{name: "Bucket", opaque: true},
		{name: "Tags", opaque: true},
	}}
)

// readXML reads a document that is all of text.
func readXML(text []byte, root xmlElement, v any) error {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if hasSurrogate(text) || root.check(text) != nil || xml.Unmarshal(text, v) != nil {
		return errXML
	}
	return nil
}

var numericReference = regexp.MustCompile(`&#(?:x([0-9a-fA-F]+)|([0-9]+));`)

// hasSurrogate reports whether a document refers to a surrogate by its number, which is
// no character of XML. The decoder would replace it, and the key with it.
func hasSurrogate(text []byte) bool {
	for _, found := range numericReference.FindAllSubmatch(text, -1) {
		digits, base := found[1], 16
		if digits == nil {
			digits, base = found[2], 10
		}
		if n, err := strconv.ParseUint(string(digits), base, 32); err == nil && utf16.IsSurrogate(rune(n)) { // 32 bits
			return true
		}
	}
	return false
}

// check compares the text with what the document may have.
func (e xmlElement) check(text []byte) error {
	d := xml.NewDecoder(bytes.NewReader(text))
	document := xmlElement{children: []xmlElement{e}}
	if err := document.read(d, ""); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// read reads the content of an element, and its end. The content of a document ends with
// io.EOF. space is the namespace of the element.
func (e xmlElement) read(d *xml.Decoder, space string) error {
	if e.opaque {
		return d.Skip()
	}
	isDocument := e.name == ""
	var seen []string
	for first := true; ; first = false {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.EndElement:
			return nil
		case xml.Comment:
		case xml.CharData:
			if e.children != nil && len(bytes.TrimSpace(t)) > 0 {
				return errXML
			}
		case xml.ProcInst:
			if !isDocument || !first || t.Target != "xml" {
				return errXML
			}
		case xml.StartElement:
			i := slices.IndexFunc(e.children, func(c xmlElement) bool { return c.name == t.Name.Local })
			if i < 0 || !e.children[i].repeated && slices.Contains(seen, t.Name.Local) {
				return errXML
			}
			if isDocument && t.Name.Space == namespace {
				space = namespace
			}
			if t.Name.Space != space || !isPlain(t.Attr) {
				return errXML
			}
			seen = append(seen, t.Name.Local)
			if err := e.children[i].read(d, space); err != nil {
				return err
			}
		default: // a document type could declare entities
			return errXML
		}
	}
}

// isPlain reports whether the attributes declare namespaces and nothing else.
func isPlain(attributes []xml.Attr) bool {
	return !slices.ContainsFunc(attributes, func(a xml.Attr) bool {
		return a.Name.Space != "xmlns" && a.Name.Space != schemaNamespace && a.Name != xml.Name{Local: "xmlns"}
	})
}

// integer is the text of an element that must be a number: encoding/xml takes an empty
// text for 0.
type integer int64

func (n *integer) UnmarshalText(text []byte) error {
	v, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	*n = integer(v)
	return err
}
