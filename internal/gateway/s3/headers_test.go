package s3

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// modelHeaders returns the headers that an operation has in S3's model: for each member
// of its input, those that AWS's client sends when the member is set and not otherwise.
func modelHeaders(t *testing.T, operation string) []string {
	t.Helper()
	base := caught(t, operation, inputOf(t, operation)).Header
	var names []string
	for i := range inputOf(t, operation).Elem().NumField() {
		in := inputOf(t, operation)
		if !fill(in.Elem().Field(i)) {
			continue
		}
		for name := range caught(t, operation, in).Header {
			if _, always := base[name]; !always && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	for name := range base {
		if name != "Authorization" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// request is a request of an operation that succeeds as it is.
type request struct {
	method, target, body string
	headers              []string
}

// requestOf makes what an operation needs, apart from all others, and returns a request
// of it, and the key of the object that it makes.
func (e *endpoint) requestOf(t *testing.T, operation, name string) (request, string) {
	t.Helper()
	key := "/uploads/" + name
	upload := func() string {
		_, reply := e.raw(t, http.MethodPost, key+"?uploads", "")
		var u createUploadResult
		if err := xml.Unmarshal([]byte(reply), &u); err != nil {
			t.Fatalf("CreateMultipartUpload: %s: %v", reply, err)
		}
		return key + "?uploadId=" + u.UploadID
	}
	source := []string{copySource, "uploads/k"}
	switch operation {
	case "ListBuckets":
		return request{"GET", "/", "", nil}, ""
	case "CreateBucket":
		return request{"PUT", "/" + strings.ToLower(name), "", nil}, ""
	case "HeadBucket":
		return request{"HEAD", "/uploads", "", nil}, ""
	case "DeleteBucket":
		e.raw(t, http.MethodPut, "/"+strings.ToLower(name), "")
		return request{"DELETE", "/" + strings.ToLower(name), "", nil}, ""
	case "GetBucketLocation":
		return request{"GET", "/uploads?location", "", nil}, ""
	case "ListMultipartUploads":
		return request{"GET", "/uploads?uploads", "", nil}, ""
	case "ListObjects":
		return request{"GET", "/uploads", "", nil}, ""
	case "ListObjectsV2":
		return request{"GET", "/uploads?list-type=2", "", nil}, ""
	case "DeleteObjects":
		return request{"POST", "/uploads?delete", "<Delete><Object><Key>nobody</Key></Object></Delete>", nil}, ""
	case "CreateMultipartUpload":
		return request{"POST", key + "?uploads", "", nil}, key
	case "UploadPart":
		return request{"PUT", upload() + "&partNumber=1", "text", nil}, ""
	case "UploadPartCopy":
		return request{"PUT", upload() + "&partNumber=1", "", source}, ""
	case "ListParts":
		return request{"GET", upload(), "", nil}, ""
	case "AbortMultipartUpload":
		return request{"DELETE", upload(), "", nil}, ""
	case "CompleteMultipartUpload":
		u := upload()
		res, _ := e.raw(t, http.MethodPut, u+"&partNumber=1", "text")
		e.raw(t, http.MethodPut, key, "there already") // for conditions
		return request{"POST", u, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" +
			res.Header.Get("ETag") + "</ETag></Part></CompleteMultipartUpload>", nil}, key
	}
	e.raw(t, http.MethodPut, key, "text")
	switch operation {
	case "GetObject":
		return request{"GET", key, "", nil}, ""
	case "HeadObject":
		return request{"HEAD", key, "", nil}, ""
	case "PutObject":
		return request{"PUT", key, "text", nil}, key
	case "DeleteObject":
		return request{"DELETE", key, "", nil}, ""
	case "CopyObject":
		return request{"PUT", key, "", append(source, "X-Amz-Metadata-Directive", "REPLACE")}, key
	}
	t.Fatalf("no request of %s", operation)
	return request{}, ""
}

// TestD137_HeadersOfTheModel sends every header of every operation with a value that is
// wrong, or that cannot be served, and wants what headerRules says of it: never a success
// for something that was not looked at.
func TestD137_HeadersOfTheModel(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	used := map[string]bool{}
	n, links := 0, 0
	for _, op := range operations {
		for i, header := range modelHeaders(t, op.name) {
			rule, ok := headerRules[op.name+" "+header]
			used[op.name+" "+header] = ok
			if !ok {
				rule, ok = headerRules[header]
				used[header] = true
			}
			if !ok {
				t.Errorf("%s has the header %s, for which there is no rule", op.name, header)
			}
			if !ok || rule.transport {
				continue
			}
			n++
			e.tryHeader(t, op.name, fmt.Sprint(op.name, i), header, rule, e.raw)
			if strings.HasPrefix(header, amzPrefix) || slices.Contains(linkHeaders, header) {
				links++
				e.tryHeader(t, op.name, fmt.Sprint(op.name, i, "link"), header, rule, e.rawByLink)
			}
		}
	}
	for name := range headerRules {
		if !used[name] {
			t.Errorf("there is a rule for %s, which no operation has", name)
		}
	}
	t.Logf("%d headers of %d operations, %d of them in links", n, len(operations), links)
}

// send makes a request of an operation with headers.
type send func(t testing.TB, method, target, body string, headers ...string) (*http.Response, string)

// rawByLink is raw with the headers in the query of a presigned link.
func (e *endpoint) rawByLink(t testing.TB, method, target, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	parameters := url.Values{}
	for i := 0; i < len(headers); i += 2 {
		parameters.Set(strings.ToLower(headers[i]), headers[i+1])
	}
	if strings.HasSuffix(target, "?delete") && !parameters.Has("content-md5") { // which that operation needs
		sum := md5.Sum([]byte(body))
		parameters.Set("content-md5", base64.StdEncoding.EncodeToString(sum[:]))
	}
	return e.byLink(t, method, target, body, parameters)
}

// tryHeader sends a header with the value of its rule, and with the one that is refused.
func (e *endpoint) tryHeader(t *testing.T, operation, name, header string, rule headerRule, do send) {
	t.Helper()
	r, key := e.requestOf(t, operation, name)
	if rule.wrong != "" {
		refused := headerRule{value: rule.wrong, status: http.StatusBadRequest}
		if res, reply := do(t, r.method, r.target, r.body, append(r.headers, header, rule.wrong)...); !refused.holds(res) {
			t.Errorf("%s with %s: %s: %s %s, want %+v", name, header, rule.wrong, res.Status, reply, refused)
		}
	}
	res, reply := do(t, r.method, r.target, r.body, append(r.headers, header, rule.value)...)
	if !rule.holds(res) {
		t.Errorf("%s with %s: %s: %s %s, want %+v", name, header, rule.value, res.Status, reply, rule)
		return
	}
	if rule.stored {
		e.finish(t, operation, reply, key)
		if shown, _ := e.raw(t, http.MethodHead, key, ""); shown.Header.Get(header) != rule.value {
			t.Errorf("%s with %s: %s: the object has %q", name, header, rule.value, shown.Header.Get(header))
		}
	}
}

// holds reports whether the answer is the one that a rule demands.
func (rule headerRule) holds(res *http.Response) bool {
	switch {
	case rule.refused:
		return res.StatusCode == http.StatusNotImplemented
	case rule.status != 0:
		return res.StatusCode == rule.status
	}
	return res.StatusCode < 300
}

// finish completes an upload, so that its object can be looked at.
func (e *endpoint) finish(t *testing.T, operation, reply, key string) {
	t.Helper()
	if operation != "CreateMultipartUpload" {
		return
	}
	var u createUploadResult
	if err := xml.Unmarshal([]byte(reply), &u); err != nil {
		t.Fatalf("CreateMultipartUpload: %s: %v", reply, err)
	}
	res, _ := e.raw(t, http.MethodPut, key+"?partNumber=1&uploadId="+u.UploadID, "text")
	e.raw(t, http.MethodPost, key+"?uploadId="+u.UploadID, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"+
		res.Header.Get("ETag")+"</ETag></Part></CompleteMultipartUpload>")
}

// fill sets a member of an input to some value; false if it cannot be a header.
func fill(f reflect.Value) bool {
	switch {
	case !f.CanSet():
		return false
	case f.Type() == reflect.TypeFor[*time.Time]():
		now := time.Unix(0, 0)
		f.Set(reflect.ValueOf(&now))
	case f.Kind() == reflect.Pointer && f.Type().Elem().Kind() == reflect.Struct: // the body
		return false
	case f.Kind() == reflect.Pointer:
		f.Set(reflect.New(f.Type().Elem()))
		return fill(f.Elem())
	case f.Type() == reflect.TypeFor[types.ChecksumAlgorithm]():
		f.SetString(string(types.ChecksumAlgorithmCrc32)) // which the client looks at
	case f.Kind() == reflect.String:
		f.SetString("x")
	case f.Kind() == reflect.Bool:
		f.SetBool(true)
	case f.CanInt():
		f.SetInt(1)
	case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.String:
		f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		f.Index(0).SetString("x")
	case f.Kind() == reflect.Map:
		f.Set(reflect.ValueOf(map[string]string{"name": "x"}))
	default:
		return false
	}
	return true
}
