package s3

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/object/diskobject"
)

// multipart is an upload of two parts, the first of which is large.
type multipart struct {
	e      *endpoint
	target string // with the upload's id
	texts  [2]string
	tags   [2]string
}

// multipart starts an upload; headers are those of CreateMultipartUpload.
func (e *endpoint) multipart(t testing.TB, headers ...string) *multipart {
	t.Helper()
	res, reply := e.raw(t, http.MethodPost, "/uploads/multi?uploads", "", headers...)
	var u createUploadResult
	if err := xml.Unmarshal([]byte(reply), &u); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("CreateMultipartUpload with %q: %s %s: %v", headers, res.Status, reply, err)
	}
	return &multipart{e: e, target: "/uploads/multi?uploadId=" + u.UploadID, texts: [2]string{strings.Repeat("1", diskobject.MinPartSize), "two"}}
}

// put sends the parts, each with its sum by a unless that is "".
func (m *multipart) put(t testing.TB, a diskobject.Algorithm) {
	t.Helper()
	for i, text := range m.texts {
		var headers []string
		if a != "" {
			headers = []string{header(a), sumOf(a, text)}
		}
		res, reply := m.e.raw(t, http.MethodPut, fmt.Sprint(m.target, "&partNumber=", i+1), text, headers...)
		if res.StatusCode != http.StatusOK {
			t.Fatalf("UploadPart %d: %s %s", i+1, res.Status, reply)
		}
		m.tags[i] = res.Header.Get("ETag")
	}
}

// document lists the parts; extra is put into each, formatted with the part's text.
func (m *multipart) document(extra func(text string) string) string {
	var b strings.Builder
	b.WriteString("<CompleteMultipartUpload>")
	for i, text := range m.texts {
		fmt.Fprintf(&b, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag>", i+1, m.tags[i])
		if extra != nil {
			b.WriteString(extra(text))
		}
		b.WriteString("</Part>")
	}
	return b.String() + "</CompleteMultipartUpload>"
}

func element(a diskobject.Algorithm) func(string) string {
	return func(text string) string {
		return fmt.Sprintf("<Checksum%s>%s</Checksum%s>", a, xmlText(sumOf(a, text)), a)
	}
}

func (m *multipart) complete(t testing.TB, document string, headers ...string) (*http.Response, string) {
	t.Helper()
	return m.e.raw(t, http.MethodPost, m.target, document, headers...)
}

// TestPartChecksums: a part has the checksum that its upload asks for.
func TestPartChecksums(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	sha, crc := sumOf(diskobject.SHA1, "text"), sumOf(diskobject.CRC32, "text")
	for _, c := range []struct {
		what           string
		upload, part   []string
		code, inHeader string
	}{
		{"a part of an upload without an algorithm", nil, nil, "", "X-Amz-Checksum-Crc64nvme"},
		{"any checksum, without an algorithm", nil, []string{"X-Amz-Checksum-Sha1", sha}, "", "X-Amz-Checksum-Sha1"},
		{"the upload's checksum", []string{checksumAlgorithm, "SHA1"}, []string{"X-Amz-Checksum-Sha1", sha}, "", "X-Amz-Checksum-Sha1"},
		{"no checksum, of the whole", []string{checksumAlgorithm, "CRC32", checksumKind, "FULL_OBJECT"}, nil, "", "X-Amz-Checksum-Crc32"},
		{"no checksum, composite", []string{checksumAlgorithm, "CRC32"}, nil, "InvalidRequest", ""},
		{"another algorithm", []string{checksumAlgorithm, "CRC32"}, []string{"X-Amz-Checksum-Sha1", sha}, "InvalidRequest", ""},
		{"another algorithm, of the whole", []string{checksumAlgorithm, "CRC64NVME"}, []string{"X-Amz-Checksum-Crc32", crc}, "InvalidRequest", ""},
		{"an empty checksum", []string{checksumAlgorithm, "SHA1"}, []string{"X-Amz-Checksum-Sha1", ""}, "InvalidRequest", ""},
		{"a wrong checksum", []string{checksumAlgorithm, "SHA1"}, []string{"X-Amz-Checksum-Sha1", sumOf(diskobject.SHA1, "x")}, "BadDigest", ""},
	} {
		m := e.multipart(t, c.upload...)
		res, reply := e.raw(t, http.MethodPut, m.target+"&partNumber=1", "text", c.part...)
		if c.code != "" {
			wantError(t, c.what, res, reply, http.StatusBadRequest, c.code)
		} else if res.StatusCode != http.StatusOK || res.Header.Get(c.inHeader) == "" {
			t.Errorf("%s: %s %v, want 200 and %s", c.what, res.Status, res.Header, c.inHeader)
		}
	}
	for _, c := range [][2]string{
		{"MD5", "FULL_OBJECT"},
		{"SHA512", "FULL_OBJECT"},
		{"XXHASH64", "FULL_OBJECT"},
		{"XXHASH3", "FULL_OBJECT"},
		{"XXHASH128", "FULL_OBJECT"},
		{"CRC64NVME", "COMPOSITE"},
		{"CRC32", "composite"},
		{"CRC32", ""},
	} {
		res, reply := e.raw(t, http.MethodPost, "/uploads/multi?uploads", "", checksumAlgorithm, c[0], checksumKind, c[1])
		wantError(t, fmt.Sprintf("an upload with %s %q", c[0], c[1]), res, reply, http.StatusBadRequest, "InvalidRequest")
	}
}

// TestCompletionChecksums: what a completion says about its parts and its object holds,
// or nothing happens.
func TestCompletionChecksums(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	m := e.multipart(t, checksumAlgorithm, "SHA512")
	m.put(t, diskobject.SHA512)
	good := m.document(element(diskobject.SHA512))
	for _, c := range []struct {
		what, document string
		headers        []string
		code           string
	}{
		{"no checksums of parts", m.document(nil), nil, "InvalidRequest"},
		{"checksums of another algorithm", m.document(func(s string) string { return element(diskobject.SHA512)(s) + element(diskobject.SHA1)(s) }), nil, "InvalidArgument"},
		{"an unknown checksum of parts", m.document(func(string) string { return "<ChecksumROT13>AAAA</ChecksumROT13>" }), nil, "MalformedXML"},
		{"a checksum that is none", m.document(func(string) string { return "<ChecksumSHA512>AAAA</ChecksumSHA512>" }), nil, "InvalidArgument"},
		{"only another algorithm", m.document(element(diskobject.SHA1)), nil, "BadDigest"},
		{"wrong checksums of parts", m.document(func(string) string { return element(diskobject.SHA512)("x") }), nil, "InvalidPart"},
		{"a wrong final checksum", good, []string{"X-Amz-Checksum-Sha512", sumOf(diskobject.SHA512, "x")}, "BadDigest"},
		{"a final checksum that is none", good, []string{"X-Amz-Checksum-Sha512", "AAAA"}, "InvalidRequest"},
		{"a final checksum with a bad count", good, []string{"X-Amz-Checksum-Sha512", sumOf(diskobject.SHA512, "x") + "-bad"}, "InvalidRequest"},
		{"another final checksum", good, []string{"X-Amz-Checksum-Sha1", sumOf(diskobject.SHA1, "x")}, "InvalidRequest"},
		{"an unknown final checksum", good, []string{"X-Amz-Checksum-Rot13", "AAAA"}, "InvalidRequest"},
		{"another type", good, []string{checksumKind, "FULL_OBJECT"}, "InvalidRequest"},
		{"another size", good, []string{objectSize, "999"}, "InvalidRequest"},
		{"a size below 0", good, []string{objectSize, "-1"}, "InvalidRequest"},
		{"a size that is none", good, []string{objectSize, ""}, "InvalidRequest"},
		{"another MD5", good, []string{"Content-Md5", "AAAAAAAAAAAAAAAAAAAAAA=="}, "BadDigest"},
		{"no ETag", strings.ReplaceAll(good, "ETag>", "Tag>"), nil, "MalformedXML"},
		{"part 0", strings.ReplaceAll(good, "<PartNumber>1<", "<PartNumber>0<"), nil, "InvalidArgument"},
	} {
		res, reply := m.complete(t, c.document, c.headers...)
		wantError(t, "Complete with "+c.what, res, reply, http.StatusBadRequest, c.code)
	}
	if res, _ := e.raw(t, http.MethodHead, "/uploads/multi", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("after refused completions HEAD is %s, want 404", res.Status)
	}
	size := fmt.Sprint(len(m.texts[0]) + len(m.texts[1]))
	res, reply := m.complete(t, good, objectSize, size, checksumKind, "COMPOSITE")
	if res.StatusCode != http.StatusOK || !strings.Contains(reply, "-2</ChecksumSHA512>") {
		t.Errorf("Complete: %s %s, want a composite SHA512 of 2 parts", res.Status, reply)
	}
}

// TestCompletionOfAnyChecksum: without an algorithm of the upload, a part is compared
// with the checksum that it came with.
func TestCompletionOfAnyChecksum(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	m := e.multipart(t)
	m.put(t, diskobject.XXHASH3)
	for what, extra := range map[string]func(string) string{
		"another value":     func(string) string { return element(diskobject.XXHASH3)("x") },
		"another algorithm": element(diskobject.SHA1),
	} {
		res, reply := m.complete(t, m.document(extra))
		wantError(t, "Complete with "+what, res, reply, http.StatusBadRequest, "BadDigest")
	}
	if res, reply := m.complete(t, m.document(element(diskobject.XXHASH3))); res.StatusCode != http.StatusOK {
		t.Errorf("Complete with the parts' checksums: %s %s, want 200", res.Status, reply)
	}
}

// TestSourceRange: a part is never smaller than the range that was asked for.
func TestSourceRange(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	text := strings.Repeat("0123456789", 10)
	e.raw(t, http.MethodPut, "/uploads/hundred", text)
	m := e.multipart(t, checksumAlgorithm, "XXHASH128")
	target := m.target + "&partNumber=1"
	for _, bad := range []string{
		"bytes=50-200", "bytes=50-100", "bytes=100-100", "bytes=100-", "bytes=-5", "bytes=5-4", "bytes=a-b", "byte=0-1",
		"bytes= 0-1", "bytes=0-1,3-4", "bytes=0-99999999999999999999", "", "0-1",
	} {
		res, reply := e.raw(t, http.MethodPut, target, "", copySource, "/uploads/hundred", copySource+"-Range", bad)
		wantError(t, fmt.Sprintf("UploadPartCopy of %q", bad), res, reply, http.StatusBadRequest, "InvalidArgument")
	}
	res, reply := e.raw(t, http.MethodPut, target, "", copySource, "/uploads/hundred", copySource+"-If-Match", "nope")
	wantError(t, "UploadPartCopy of another ETag", res, reply, http.StatusPreconditionFailed, "PreconditionFailed")
	res, reply = e.raw(t, http.MethodPut, target, "", copySource, "/uploads/hundred", copySource+"-Range", "bytes=90-99")
	want := "<ChecksumXXHASH128>" + xmlText(sumOf(diskobject.XXHASH128, text[90:])) + "<"
	if res.StatusCode != http.StatusOK || !strings.Contains(reply, want) {
		t.Errorf("UploadPartCopy: %s %s, want %s", res.Status, reply, want)
	}
	if _, list := e.raw(t, http.MethodGet, m.target, ""); !strings.Contains(list, want) {
		t.Errorf("ListParts = %s, want %s", list, want)
	}
}

// TestPartOfWholeObject: an object put whole is its own first part.
func TestPartOfWholeObject(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	e.raw(t, http.MethodPut, "/uploads/whole", "0123456789")
	for target, want := range map[string][3]string{
		"/uploads/whole?partNumber=1": {"206 Partial Content", "bytes 0-9/10", "0123456789"},
		"/uploads/k?partNumber=1":     {"200 OK", "", ""},
	} {
		res, text := e.raw(t, http.MethodGet, target, "")
		if got := [3]string{res.Status, res.Header.Get("Content-Range"), text}; got != want {
			t.Errorf("GET %s = %q, want %q", target, got, want)
		}
	}
}
