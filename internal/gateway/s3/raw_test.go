package s3

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/tls"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/sigv4"
)

// raw sends a signed request with the given headers.
func (e *endpoint) raw(t testing.TB, method, target, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, e.URL+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(target, "?delete") { // which needs one
		r.Header.Set("Content-Md5", md5Of(body))
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	sigv4.Sign(r, root, "eu-west-1", service, sigv4.HashPayload([]byte(body)), time.Now())
	return e.do(t, r)
}

func md5Of(body string) string {
	sum := md5.Sum([]byte(body))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// withBucket starts an endpoint with a bucket, uploads, and an object, k, in it.
func withBucket(t testing.TB, o Options) *endpoint {
	t.Helper()
	e := start(t, false, o)
	for _, target := range []string{"/uploads", "/uploads/k"} {
		if res, reply := e.raw(t, http.MethodPut, target, "", "X-Amz-Meta-Who", "me"); res.StatusCode != http.StatusOK {
			t.Fatalf("PUT %s: %s %s", target, res.Status, reply)
		}
	}
	return e
}

func wantError(t testing.TB, what string, res *http.Response, reply string, status int, code string) {
	t.Helper()
	var got errorBody
	if err := xml.Unmarshal([]byte(reply), &got); err != nil {
		t.Errorf("%s: %s %q is no XML: %v", what, res.Status, reply, err)
		return
	}
	if res.StatusCode != status || got.Code != code {
		t.Errorf("%s: %d %s, want %d %s", what, res.StatusCode, got.Code, status, code)
	}
	if got.Message == "" || got.RequestID == "" || got.RequestID != res.Header.Get("X-Amz-Request-Id") {
		t.Errorf("%s: %s: want a message and the request id %q", what, reply, res.Header.Get("X-Amz-Request-Id"))
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{MaxObject: 1 << 20})
	_, reply := e.raw(t, http.MethodPost, "/uploads/multi?uploads", "")
	var u createUploadResult
	if err := xml.Unmarshal([]byte(reply), &u); err != nil {
		t.Fatalf("CreateMultipartUpload: %s: %v", reply, err)
	}
	upload := "/uploads/multi?uploadId=" + u.UploadID
	tags := [3]string{}
	for i := 1; i <= 2; i++ {
		res, _ := e.raw(t, http.MethodPut, fmt.Sprint(upload, "&partNumber=", i), "small")
		tags[i] = res.Header.Get("ETag")
	}
	parts := func(numbers ...int) string {
		text := "<CompleteMultipartUpload>"
		for _, n := range numbers {
			text += fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", n, tags[1])
		}
		return text + "</CompleteMultipartUpload>"
	}
	for _, c := range []struct {
		what, method, target, body string
		headers                    []string
		status                     int
		code                       string
	}{
		{"no key", "GET", "/uploads/nobody", "", nil, 404, "NoSuchKey"},
		{"no bucket", "GET", "/nobody/k", "", nil, 404, "NoSuchBucket"},
		{"put into no bucket", "PUT", "/nobody/k", "x", nil, 404, "NoSuchBucket"},
		{"list of no bucket", "GET", "/nobody?list-type=2", "", nil, 404, "NoSuchBucket"},
		{"bucket twice", "PUT", "/uploads", "", nil, 409, "BucketAlreadyOwnedByYou"},
		{"bucket with an object", "DELETE", "/uploads", "", nil, 409, "BucketNotEmpty"},
		{"bucket's name with capitals", "PUT", "/Work", "", nil, 400, "InvalidBucketName"},
		{"bucket's name too short", "PUT", "/ab", "", nil, 400, "InvalidBucketName"},
		{"bucket's name an address", "PUT", "/192.168.5.4", "", nil, 400, "InvalidBucketName"},
		{"bucket's name with a hyphen beside a period", "PUT", "/a.-b", "", nil, 400, "InvalidBucketName"},
		{"bucket's name with a period beside a hyphen", "PUT", "/a-.b", "", nil, 400, "InvalidBucketName"},
		{"bucket's name with a reserved prefix", "PUT", "/amzn-s3-demo-bucket", "", nil, 400, "InvalidBucketName"},
		{"bucket's name of an internationalized host", "PUT", "/xn--bcher-kva", "", nil, 400, "InvalidBucketName"},
		{"bucket's name of S3 itself", "PUT", "/sthree-work", "", nil, 400, "InvalidBucketName"},
		{"bucket's name of an access point", "PUT", "/work-s3alias", "", nil, 400, "InvalidBucketName"},
		{"bucket's name of an Object Lambda access point", "PUT", "/work--ol-s3", "", nil, 400, "InvalidBucketName"},
		{"bucket's name of a multi-region access point", "PUT", "/work.mrap", "", nil, 400, "InvalidBucketName"},
		{"bucket's name of a directory bucket", "PUT", "/work--usw2-az1--x-s3", "", nil, 400, "InvalidBucketName"},
		{"bucket's name of a table bucket", "PUT", "/work--table-s3", "", nil, 400, "InvalidBucketName"},
		{"bucket's place no XML", "PUT", "/fresh", "<Create", nil, 400, "MalformedXML"},
		{"key too long", "PUT", "/uploads/" + strings.Repeat("k", 1025), "x", nil, 400, "KeyTooLongError"},
		{"key no UTF-8", "PUT", "/uploads/%FF", "x", nil, 400, "InvalidURI"},
		{"too large", "PUT", "/uploads/large", strings.Repeat("x", 1<<20+1), nil, 400, "EntityTooLarge"},
		{"range behind the end", "GET", "/uploads/k", "", []string{"Range", "bytes=5-"}, 416, "InvalidRange"},
		{"checksum of another text", "PUT", "/uploads/x", "x", []string{"X-Amz-Checksum-Crc32", "AAAAAA=="}, 400, "BadDigest"},
		{"checksum no base64", "PUT", "/uploads/x", "x", []string{"X-Amz-Checksum-Crc32", "?"}, 400, "InvalidRequest"},
		{"two checksums", "PUT", "/uploads/x", "x", []string{"X-Amz-Checksum-Crc32", "AAAAAA==", "X-Amz-Checksum-Crc32c", "AAAAAA=="}, 400, "InvalidRequest"},
		{"MD5 of another text", "PUT", "/uploads/x", "x", []string{"Content-Md5", "AAAAAAAAAAAAAAAAAAAAAA=="}, 400, "BadDigest"},
		{"MD5 too short", "PUT", "/uploads/x", "x", []string{"Content-Md5", "AAAA"}, 400, "InvalidDigest"},
		{"metadata too large", "PUT", "/uploads/x", "x", []string{"X-Amz-Meta-A", strings.Repeat("a", 3000)}, 400, "MetadataTooLarge"},
		{"not if it is there", "PUT", "/uploads/k", "x", []string{"If-None-Match", "*"}, 412, "PreconditionFailed"},
		{"only over another ETag", "PUT", "/uploads/k", "x", []string{"If-Match", `"0123"`}, 412, "PreconditionFailed"},
		{"only over nothing's ETag", "PUT", "/uploads/nobody", "x", []string{"If-Match", `"0123"`}, 404, "NoSuchKey"},
		{"own encryption key", "PUT", "/uploads/x", "x", []string{"X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256"}, 501, "NotImplemented"},
		{"ACL", "PUT", "/uploads/k?acl", "x", nil, 501, "NotImplemented"},
		{"policy", "GET", "/uploads?policy", "", nil, 501, "NotImplemented"},
		{"bucket's setting", "PUT", "/uploads?versioning", "x", nil, 501, "NotImplemented"},
		{"tagging", "PUT", "/uploads/k?tagging", "x", nil, 501, "NotImplemented"},
		{"delete of a setting", "DELETE", "/uploads?lifecycle", "", nil, 501, "NotImplemented"},
		{"version", "GET", "/uploads/k?versionId=abc", "", nil, 501, "NotImplemented"},
		{"select", "POST", "/uploads/k?select&select-type=2", "x", nil, 501, "NotImplemented"},
		{"form", "POST", "/uploads", "x", nil, 501, "NotImplemented"},
		{"method", "PATCH", "/uploads/k", "x", nil, 405, "MethodNotAllowed"},
		{"method on the service", "DELETE", "/", "", nil, 405, "MethodNotAllowed"},
		{"page's size", "GET", "/uploads?list-type=2&max-keys=-1", "", nil, 400, "InvalidArgument"},
		{"page's token", "GET", "/uploads?list-type=2&continuation-token=%21", "", nil, 400, "InvalidArgument"},
		{"encoding", "GET", "/uploads?encoding-type=none", "", nil, 400, "InvalidArgument"},
		{"deletion no XML", "POST", "/uploads?delete", "nonsense", nil, 400, "MalformedXML"},
		{"deletion of nothing", "POST", "/uploads?delete", "", nil, 400, "MalformedXML"},
		{"copy of no name", "PUT", "/uploads/x", "", []string{"X-Amz-Copy-Source", "nonsense"}, 400, "InvalidArgument"},
		{"copy from no bucket", "PUT", "/uploads/x", "", []string{"X-Amz-Copy-Source", "nobody/k"}, 404, "NoSuchBucket"},
		{"part of no upload", "PUT", "/uploads/multi?uploadId=x&partNumber=1", "x", nil, 404, "NoSuchUpload"},
		{"part 0", "PUT", upload + "&partNumber=0", "x", nil, 400, "InvalidArgument"},
		{"part 10001", "PUT", upload + "&partNumber=10001", "x", nil, 400, "InvalidArgument"},
		{"part of another text", "PUT", upload + "&partNumber=1", "x", []string{"X-Amz-Checksum-Crc32", "AAAAAA=="}, 400, "BadDigest"},
		{"completion with small parts", "POST", upload, parts(1, 2), nil, 400, "EntityTooSmall"},
		{"completion in disorder", "POST", upload, parts(2, 1), nil, 400, "InvalidPartOrder"},
		{"completion with a part that is not there", "POST", upload, parts(1, 3), nil, 400, "InvalidPart"},
		{"completion no XML", "POST", upload, "nonsense", nil, 400, "MalformedXML"},
		{"completion of no upload", "POST", "/uploads/multi?uploadId=x", parts(1), nil, 404, "NoSuchUpload"},
		{"completion with another checksum", "POST", upload, parts(1), []string{"X-Amz-Checksum-Crc64nvme", "AAAAAAAAAAA="}, 400, "BadDigest"},
		{"abort of no upload", "DELETE", "/uploads/multi?uploadId=x", "", nil, 404, "NoSuchUpload"},
		{"checksum type that cannot be", "POST", "/uploads/x?uploads", "", []string{"X-Amz-Checksum-Algorithm", "SHA256", "X-Amz-Checksum-Type", "FULL_OBJECT"}, 400, "InvalidRequest"},
		{"checksum that is none", "POST", "/uploads/x?uploads", "", []string{"X-Amz-Checksum-Algorithm", "ROT13"}, 400, "InvalidRequest"},
	} {
		if tags[1] != tags[2] { // the texts are the same
			t.Fatalf("ETags of equal parts: %q", tags)
		}
		res, reply := e.raw(t, c.method, c.target, c.body, c.headers...)
		wantError(t, c.what, res, reply, c.status, c.code)
	}
	if res, _ := e.raw(t, http.MethodHead, "/uploads/x", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("HEAD of what was refused: %s, want 404", res.Status)
	}
}

func TestRefusedSignatures(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	link := func(at time.Time) string {
		u, _ := url.Parse(e.URL + "/uploads/k")
		return sigv4.Presign(http.MethodGet, u, root, "eu-west-1", service, time.Minute, nil, at)
	}
	for _, c := range []struct {
		what, url string
		change    func(*http.Request)
		status    int
		code      string
	}{
		{"nobody", e.URL + "/uploads/k", func(*http.Request) {}, 403, "AccessDenied"},
		{"expired link", link(time.Now().Add(-time.Hour)), func(*http.Request) {}, 403, "AccessDenied"},
		{"link of tomorrow", link(time.Now().Add(24 * time.Hour)), func(*http.Request) {}, 403, "RequestTimeTooSkewed"},
		{"link for another key", strings.Replace(link(time.Now()), "/k?", "/other?", 1), func(*http.Request) {}, 403, "SignatureDoesNotMatch"},
		{"version 2", e.URL + "/uploads/k?AWSAccessKeyId=AKIDROOT&Signature=x&Expires=1", func(*http.Request) {}, 400, "InvalidRequest"},
		{"skewed", e.URL + "/uploads/k", func(r *http.Request) {
			sigv4.Sign(r, root, "eu-west-1", service, sigv4.EmptyPayload, time.Now().Add(-time.Hour))
		}, 403, "RequestTimeTooSkewed"},
		{"another service", e.URL + "/uploads/k", func(r *http.Request) {
			sigv4.Sign(r, root, "eu-west-1", "ses", sigv4.EmptyPayload, time.Now())
		}, 400, "AuthorizationHeaderMalformed"},
		{"another body", e.URL + "/uploads/x", func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = http.MethodPut, io.NopCloser(strings.NewReader("other")), 5
			sigv4.Sign(r, root, "eu-west-1", service, sigv4.HashPayload([]byte("texts")), time.Now())
		}, 400, "XAmzContentSHA256Mismatch"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.change(r)
		res, reply := e.do(t, r)
		wantError(t, c.what, res, reply, c.status, c.code)
		if c.what == "expired link" && !strings.Contains(reply, "Request has expired") {
			t.Errorf("expired link: %s, want Request has expired", reply)
		}
	}
	if res, _ := e.raw(t, http.MethodHead, "/uploads/x", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("HEAD of what had another body: %s, want 404", res.Status)
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	if res, reply := e.raw(t, http.MethodPut, "/uploads/digits", "0123456789"); res.StatusCode != http.StatusOK {
		t.Fatalf("PUT: %s %s", res.Status, reply)
	}
	for _, c := range []struct {
		header, want, content string
		status                int
	}{
		{"", "0123456789", "", 200},
		{"bytes=0-0", "0", "bytes 0-0/10", 206},
		{"bytes=2-4", "234", "bytes 2-4/10", 206},
		{"bytes=7-", "789", "bytes 7-9/10", 206},
		{"bytes=7-99", "789", "bytes 7-9/10", 206},
		{"bytes=-3", "789", "bytes 7-9/10", 206},
		{"bytes=-99", "0123456789", "bytes 0-9/10", 206},
		{"bytes=4-2", "0123456789", "", 200},
		{"bytes=1-2,4-5", "0123456789", "", 200},
		{"lines=1-2", "0123456789", "", 200},
		{"bytes=x", "0123456789", "", 200},
		{"bytes=10-", "", "bytes */10", 416},
		{"bytes=-0", "", "bytes */10", 416},
	} {
		res, text := e.raw(t, http.MethodGet, "/uploads/digits", "", "Range", c.header)
		if c.status == http.StatusRequestedRangeNotSatisfiable {
			text = ""
		}
		if res.StatusCode != c.status || text != c.want || res.Header.Get("Content-Range") != c.content {
			t.Errorf("Range %q: %d %q %q, want %d %q %q", c.header, res.StatusCode, text, res.Header.Get("Content-Range"), c.status, c.want, c.content)
		}
	}
}

func TestNotModified(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	first, _ := e.raw(t, http.MethodGet, "/uploads/k", "", "X-Amz-Checksum-Mode", "ENABLED")
	if first.Header.Get("X-Amz-Checksum-Crc64nvme") == "" {
		t.Errorf("GET in checksum mode: %v, want a checksum", first.Header)
	}
	later := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	earlier := time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)
	etag := first.Header.Get("ETag")
	for _, c := range []struct {
		header, value string
		status        int
	}{
		{"If-None-Match", etag, 304},
		{"If-None-Match", `"0123"`, 200},
		{"If-None-Match", "*", 304},
		{"If-Modified-Since", later, 304},
		{"If-Modified-Since", earlier, 200},
		{"If-Match", etag, 200},
		{"If-Match", `"0123"`, 412},
		{"If-Unmodified-Since", later, 200},
		{"If-Unmodified-Since", earlier, 412},
	} {
		res, text := e.raw(t, http.MethodGet, "/uploads/k", "", c.header, c.value, "X-Amz-Checksum-Mode", "ENABLED")
		if res.StatusCode != c.status {
			t.Errorf("%s: %s: %s, want %d", c.header, c.value, res.Status, c.status)
		}
		if c.status == 304 && (res.Header.Get("X-Amz-Checksum-Crc64nvme") != "" || res.Header.Get("ETag") != etag || text != "") {
			t.Errorf("304 has %v and %q, want the ETag, no checksum, no body", res.Header, text)
		}
	}
}

// sendRaw sends text as it is, and returns a connection to read the reply from.
func (e *endpoint) sendRaw(t *testing.T, text string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", e.Listener.Addr().String())
	if err != nil {
		t.Fatalf("Dial: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if e.TLS != nil {
		conn = tls.Client(conn, e.Client().Transport.(*http.Transport).TLSClientConfig)
	}
	_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatalf("Write: %v", err)
	}
	return conn
}

// head returns the text of a signed request up to its body.
func (e *endpoint) head(t *testing.T, method, target string, extra ...string) string {
	t.Helper()
	r := e.signed(t, method, target, nil)
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, target, r.URL.Host)
	if err := r.Header.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, line := range extra {
		b.WriteString(line + "\r\n")
	}
	return b.String() + "\r\n"
}

// TestExpectOfNothing: botocore announces an empty body with Expect, and then waits.
func TestExpectOfNothing(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	conn := e.sendRaw(t, e.head(t, "PUT", "/uploads/empty", "Content-Length: 0", "Expect: 100-continue"))
	in := bufio.NewReader(conn)
	for _, want := range []int{100, 200} {
		res, err := http.ReadResponse(in, nil)
		if err != nil || res.StatusCode != want {
			t.Fatalf("reply %+v, %v, want %d", res, err, want)
		}
	}
}

func TestNoLength(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	res, err := http.ReadResponse(bufio.NewReader(e.sendRaw(t, e.head(t, "PUT", "/uploads/x"))), nil)
	if err != nil || res.StatusCode != http.StatusLengthRequired {
		t.Errorf("PUT without a length: %+v, %v, want 411", res, err)
	}
}

// TestNamesOnTheWire: metadata comes back in lower case, and a HEAD that fails has no
// body.
func TestNamesOnTheWire(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	text, err := io.ReadAll(e.sendRaw(t, e.head(t, "HEAD", "/uploads/k", "Connection: close")))
	if err != nil || !strings.Contains(string(text), "\r\nx-amz-meta-who: me\r\n") || !strings.Contains(string(text), "\r\nEtag: \"") {
		t.Errorf("HEAD = %q, %v, want x-amz-meta-who: me and a quoted ETag", text, err)
	}
	text, err = io.ReadAll(e.sendRaw(t, e.head(t, "HEAD", "/uploads/nobody", "Connection: close")))
	if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 404") || !strings.HasSuffix(string(text), "\r\n\r\n") {
		t.Errorf("HEAD of nothing = %q, %v, want 404 and no body", text, err)
	}
}

// TestHangUp: of a caller that hangs up in the middle nothing is left.
func TestHangUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store, err := diskobject.Open(dir, diskobject.Options{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer func() { _ = store.Close() }()
	if err := store.CreateBucket(t.Context(), root.Account, "uploads", ""); err != nil {
		t.Fatal(err)
	}
	h := New(store, sigv4.NewVerifier(lookup, sigv4.Options{}), Options{})
	served := make(chan struct{})
	e := serveFunc(t, func(w http.ResponseWriter, r *http.Request) {
		defer close(served)
		h.ServeSigned(w, r, sigv4.Parse(r))
	})
	conn := e.sendRaw(t, e.head(t, "PUT", "/uploads/half", "Content-Length: 1000000")+strings.Repeat("x", 500_000))
	_ = conn.Close()
	<-served
	if files, err := os.ReadDir(filepath.Join(dir, "blobs")); err != nil || len(files) != 0 {
		t.Errorf("after a caller hung up %d blobs lie on disk, %v, want none", len(files), err)
	}
	if _, err := store.Stat(t.Context(), diskName("half")); err == nil {
		t.Error("half an object is an object")
	}
}
