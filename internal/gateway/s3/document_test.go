package s3

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/sigv4"
)

const xmlns = ` xmlns="` + namespace + `"`

// badDocuments are documents that have, besides what %s and %s say, something unknown,
// twice, elsewhere, or nothing. The first is an element of the root, the second what is
// in such an element.
func badDocuments(root, child, content, single string) []string {
	whole := "<" + root + "><" + child + ">" + content + "</" + child + "></" + root + ">"
	in := func(s string) string {
		return strings.Replace(whole, "<"+child+">", "<"+child+">"+s, 1)
	}
	return []string{
		in("<IfMatch>x</IfMatch>"),
		in(single),
		in("text"),
		in(`<ETag kind="weak">x</ETag>`),
		in(`<ETag xmlns="urn:other">x</ETag>`),
		in("<ETag>x<Key>y</Key></ETag>"),
		strings.Replace(whole, "<"+root+">", "<"+root+"><Unknown/>", 1),
		strings.Replace(whole, "<"+root+">", "<"+root+` xmlns="urn:other">`, 1),
		strings.ReplaceAll(whole, root, "Other"),
		strings.ReplaceAll(whole, root, strings.ToLower(root)),
		whole + "<" + root + ">",
		whole + whole,
		whole + "more",
		"more" + whole,
		whole + "<?xml version=\"1.0\"?>",
		"<?other?>" + whole,
		"<!DOCTYPE " + root + "><" + whole[1:],
		strings.TrimSuffix(whole, "</"+root+">"),
	}
}

// TestD150_Documents: a document with anything that is not known, which may be a condition,
// or with something twice that can be there once, changes nothing.
func TestD150_Documents(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	bad := badDocuments("Delete", "Object", "<Key>k</Key><ETag>x</ETag>", "<Key>other</Key>")
	bad = append(bad, badDocuments("Delete", "Object", "<Key>k</Key><ETag>x</ETag>", "<ETag>*</ETag>")...)
	for _, object := range []string{"", "<Key/>", "<Key>k</Key><Size/>", "<Key>k</Key><Size>four</Size>", "<Key>k</Key><Size>1</Size><Size>0</Size>"} {
		bad = append(bad, "<Delete><Object>"+object+"</Object></Delete>")
	}
	bad = append(bad, "<Delete><Object><Key>k</Key></Object><Quiet>true</Quiet><Quiet>false</Quiet></Delete>", "<Delete/>")
	for _, text := range bad {
		res, reply := e.raw(t, http.MethodPost, "/uploads?delete", text)
		wantError(t, fmt.Sprintf("DeleteObjects of %q", text), res, reply, 400, "MalformedXML")
		if res, _ := e.raw(t, http.MethodHead, "/uploads/k", ""); res.StatusCode != http.StatusOK {
			t.Fatalf("after %q the object is %s", text, res.Status)
		}
	}

	m := e.multipart(t)
	m.put(t, "")
	part := "<PartNumber>1</PartNumber><ETag>" + m.tags[0] + "</ETag>"
	bad = badDocuments("CompleteMultipartUpload", "Part", part, "<ETag>"+m.tags[1]+"</ETag>")
	bad = append(bad, badDocuments("CompleteMultipartUpload", "Part", part, "<PartNumber>2</PartNumber>")...)
	sum := element(diskobject.SHA1)(m.texts[0])
	bad = append(bad, "<CompleteMultipartUpload><Part>"+part+sum+sum+"</Part></CompleteMultipartUpload>", "<CompleteMultipartUpload/>",
		"<CompleteMultipartUpload><Part><PartNumber/><ETag>x</ETag></Part></CompleteMultipartUpload>")
	for _, text := range bad {
		res, reply := m.complete(t, text)
		wantError(t, fmt.Sprintf("CompleteMultipartUpload of %q", text), res, reply, 400, "MalformedXML")
	}
	if res, _ := e.raw(t, http.MethodHead, "/uploads/multi", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("after the refused documents the object is %s, want 404", res.Status)
	}

	for _, text := range badDocuments("CreateBucketConfiguration", "LocationConstraint", "eu-west-1", "<LocationConstraint/>") {
		if res, reply := e.raw(t, http.MethodPut, "/fresh", text); res.StatusCode != http.StatusBadRequest {
			t.Errorf("CreateBucket with %q: %s %s, want 400", text, res.Status, reply)
		}
	}
	const twice = "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint><LocationConstraint/></CreateBucketConfiguration>"
	res, reply := e.raw(t, http.MethodPut, "/fresh", twice)
	wantError(t, "CreateBucket in two places", res, reply, 400, "MalformedXML")
	if res, _ := e.raw(t, http.MethodHead, "/fresh", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("after the refused documents the bucket is %s, want 404", res.Status)
	}
}

// TestGoodDocuments: what clients write in different ways is taken.
func TestGoodDocuments(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	for _, text := range []string{
		"<Delete>\n<Object><Key>k</Key></Object>\n</Delete>\n<!-- end -->\n",
		"\ufeff<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- start --><Delete" + xmlns + "><Object><Key>k</Key></Object></Delete>",
		`<s3:Delete xmlns:s3="` + namespace + `"><s3:Object><s3:Key>k</s3:Key></s3:Object><s3:Quiet>false</s3:Quiet></s3:Delete>`,
		`<Delete xmlns:xsi="` + schemaNamespace + `" xsi:schemaLocation="a b"><Object><Key>k</Key><VersionId>null</VersionId></Object></Delete>`,
		"<Delete><Object><ETag>*</ETag><Key><![CDATA[k]]></Key></Object></Delete>",
	} {
		e.raw(t, http.MethodPut, "/uploads/k", "text")
		res, reply := e.raw(t, http.MethodPost, "/uploads?delete", text)
		if res.StatusCode != http.StatusOK || !strings.Contains(reply, "<Deleted><Key>k</Key></Deleted>") {
			t.Errorf("DeleteObjects of %q: %s %s", text, res.Status, reply)
		}
	}
	const where = "<CreateBucketConfiguration" + xmlns + "><LocationConstraint>eu-west-1</LocationConstraint><Tags><Tag><Key>a</Key><Value>b</Value></Tag></Tags></CreateBucketConfiguration>"
	if res, reply := e.raw(t, http.MethodPut, "/fresh", where); res.StatusCode != http.StatusOK {
		t.Errorf("CreateBucket with %q: %s %s", where, res.Status, reply)
	}
}

// TestDeleteObjectsNeedsAChecksum: as at S3, a list of deletions comes with a checksum.
func TestDeleteObjectsNeedsAChecksum(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	const list = "<Delete><Object><Key>k</Key></Object></Delete>"
	for _, headers := range [][]string{nil, {checksumAlgorithm, "CRC32"}} {
		r := e.signedBody(t, http.MethodPost, "/uploads?delete", list, headers...)
		res, reply := e.do(t, r)
		wantError(t, fmt.Sprintf("DeleteObjects with %q", headers), res, reply, 400, "InvalidRequest")
		if res, _ := e.raw(t, http.MethodHead, "/uploads/k", ""); res.StatusCode != http.StatusOK {
			t.Fatalf("after a refused DeleteObjects the object is %s", res.Status)
		}
	}
	r := e.signedBody(t, http.MethodPost, "/uploads?delete", list, header(diskobject.SHA1), sumOf(diskobject.SHA1, list))
	if res, reply := e.do(t, r); res.StatusCode != http.StatusOK || strings.Contains(reply, "<Error>") {
		t.Errorf("DeleteObjects with a checksum: %s %s", res.Status, reply)
	}
}

// TestD151_QuotedStar: in quotes, * is an ETag as any other, and no object's.
func TestD151_QuotedStar(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	for _, etag := range []string{`"*"`, `"`, `*"`, `W/"*"`} {
		for method, headers := range map[string][]string{
			"PUT":    {"If-Match", etag},
			"DELETE": {"If-Match", etag},
			"GET":    {"If-Match", etag},
		} {
			res, reply := e.raw(t, method, "/uploads/k", "", headers...)
			if res.StatusCode != http.StatusPreconditionFailed && res.StatusCode != http.StatusBadRequest {
				t.Errorf("%s with If-Match %s: %s %s, want 412", method, etag, res.Status, reply)
			}
		}
		res, reply := e.raw(t, "PUT", "/uploads/new", "", copySource, "/uploads/k", copySource+"-If-Match", etag)
		if res.StatusCode != http.StatusPreconditionFailed && res.StatusCode != http.StatusBadRequest {
			t.Errorf("copy with If-Match %s: %s %s, want 412", etag, res.Status, reply)
		}
		res, reply = e.raw(t, "POST", "/uploads?delete", "<Delete><Object><Key>k</Key><ETag>"+etag+"</ETag></Object></Delete>")
		if !strings.Contains(reply, "<Code>PreconditionFailed</Code>") {
			t.Errorf("DeleteObjects with ETag %s: %s %s, want PreconditionFailed", etag, res.Status, reply)
		}
		res, reply = e.raw(t, "PUT", "/uploads/new", "", "If-None-Match", etag)
		if res.StatusCode < 400 {
			t.Errorf("PUT with If-None-Match %s: %s %s, want an error", etag, res.Status, reply)
		}
	}
	if res, _ := e.raw(t, http.MethodHead, "/uploads/k", ""); res.StatusCode != http.StatusOK || res.Header.Get("X-Amz-Meta-Who") != "me" {
		t.Errorf("after the refused changes the object is %s %v, want the old one", res.Status, res.Header)
	}
}

// signedBody returns a signed request with the given headers, each of them added.
func (e *endpoint) signedBody(t testing.TB, method, target, body string, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, e.URL+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	sigv4.Sign(r, root, "eu-west-1", service, sigv4.HashPayload([]byte(body)), time.Now())
	return r
}
