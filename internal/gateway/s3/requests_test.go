package s3

import (
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sluicehq/sluice/internal/sigv4"
)

// rawIn is raw with another region to sign for.
func (e *endpoint) rawIn(t testing.TB, region, method, target, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, e.URL+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sigv4.Sign(r, root, region, service, sigv4.HashPayload([]byte(body)), time.Now())
	return e.do(t, r)
}

// TestExpectedOwner sends another account's number with every operation.
func TestExpectedOwner(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	source := []string{copySource, "uploads/k"}
	for _, c := range []struct {
		method, target, body string
		headers              []string
	}{
		{"PUT", "/fresh", "", nil},
		{"HEAD", "/uploads", "", nil},
		{"DELETE", "/uploads", "", nil},
		{"GET", "/uploads?location", "", nil},
		{"GET", "/uploads", "", nil},
		{"GET", "/uploads?list-type=2", "", nil},
		{"GET", "/uploads?uploads", "", nil},
		{"POST", "/uploads?delete", "<Delete><Object><Key>k</Key></Object></Delete>", nil},
		{"GET", "/uploads/k", "", nil},
		{"HEAD", "/uploads/k", "", nil},
		{"PUT", "/uploads/x", "x", nil},
		{"DELETE", "/uploads/k", "", nil},
		{"PUT", "/uploads/x", "", source},
		{"POST", "/uploads/x?uploads", "", nil},
		{"PUT", "/uploads/x?uploadId=u&partNumber=1", "x", nil},
		{"PUT", "/uploads/x?uploadId=u&partNumber=1", "", source},
		{"GET", "/uploads/x?uploadId=u", "", nil},
		{"POST", "/uploads/x?uploadId=u", "<x/>", nil},
		{"DELETE", "/uploads/x?uploadId=u", "", nil},
	} {
		for _, header := range []string{"X-Amz-Expected-Bucket-Owner", "X-Amz-Source-Expected-Bucket-Owner"} {
			for account, want := range map[string]int{other.Account: 403, "12": 400, "00000000000x": 400} {
				res, reply := e.raw(t, c.method, c.target, c.body, append(slices.Clone(c.headers), header, account)...)
				if res.StatusCode != want {
					t.Errorf("%s %s with %s %s: %s %s, want %d", c.method, c.target, header, account, res.Status, reply, want)
				}
				if c.method == http.MethodHead {
					continue
				}
				code := "AccessDenied"
				if want == 400 {
					code = "InvalidBucketOwnerAWSAccountID"
				}
				wantError(t, c.method+" "+c.target, res, reply, want, code)
			}
		}
	}
	if res, reply := e.raw(t, "GET", "/uploads/k", "", "X-Amz-Expected-Bucket-Owner", root.Account); res.StatusCode != 200 {
		t.Errorf("GET with the right owner: %s %s, want 200", res.Status, reply)
	}
}

func TestListBucketsByPages(t *testing.T) {
	t.Parallel()
	e := start(t, false, Options{})
	names := []string{"one", "three", "two-a", "two-b", "two-c"}
	for i, name := range names {
		region := "eu-west-1"
		if i%2 == 1 {
			region = "us-east-1"
		}
		if res, reply := e.rawIn(t, region, "PUT", "/"+name, ""); res.StatusCode != 200 {
			t.Fatalf("CreateBucket %s: %s %s", name, res.Status, reply)
		}
	}
	for _, c := range []struct {
		in   sdk.ListBucketsInput
		want []string
	}{
		{sdk.ListBucketsInput{MaxBuckets: aws.Int32(2)}, names},
		{sdk.ListBucketsInput{MaxBuckets: aws.Int32(5)}, names},
		{sdk.ListBucketsInput{MaxBuckets: aws.Int32(1), Prefix: aws.String("two-")}, names[2:]},
		{sdk.ListBucketsInput{MaxBuckets: aws.Int32(1), BucketRegion: aws.String("us-east-1")}, []string{"three", "two-b"}},
		{sdk.ListBucketsInput{BucketRegion: aws.String("ap-south-1")}, nil},
	} {
		var got []string
		pages := 0
		for p := sdk.NewListBucketsPaginator(e.client(root), &c.in); p.HasMorePages(); pages++ {
			page, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatalf("ListBuckets: %v", err)
			}
			for _, b := range page.Buckets {
				got = append(got, aws.ToString(b.Name))
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("ListBuckets by %d = %q, want %q", aws.ToInt32(c.in.MaxBuckets), got, c.want)
		}
		if n := int(aws.ToInt32(c.in.MaxBuckets)); n > 0 && pages != (len(c.want)+n-1)/n {
			t.Errorf("ListBuckets by %d: %d pages of %d buckets", n, pages, len(c.want))
		}
	}
}

func TestStrictArguments(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	where := func(s string) string {
		return "<CreateBucketConfiguration><LocationConstraint>" + s + "</LocationConstraint></CreateBucketConfiguration>"
	}
	for _, c := range []struct {
		method, target, body string
		status               int
		code                 string
	}{
		{"GET", "/?max-buckets=0", "", 400, "InvalidArgument"},
		{"GET", "/?max-buckets=10001", "", 400, "InvalidArgument"},
		{"GET", "/?max-buckets=x", "", 400, "InvalidArgument"},
		{"GET", "/?continuation-token=%21", "", 400, "InvalidArgument"},
		{"GET", "/uploads?max-keys=x", "", 400, "InvalidArgument"},
		{"GET", "/uploads?max-keys=2147483648", "", 400, "InvalidArgument"},
		{"GET", "/uploads?prefix=%ff", "", 400, "InvalidArgument"},
		{"GET", "/uploads?marker=%ff", "", 400, "InvalidArgument"},
		{"GET", "/uploads?delimiter=%ff", "", 400, "InvalidArgument"},
		{"GET", "/uploads?list-type=2&start-after=%ff", "", 400, "InvalidArgument"},
		{"GET", "/uploads?list-type=2&fetch-owner=yes", "", 400, "InvalidArgument"},
		{"GET", "/uploads?list-type=2&continuation-token=_w", "", 400, "InvalidArgument"},
		{"GET", "/uploads?uploads&key-marker=%ff", "", 400, "InvalidArgument"},
		{"GET", "/uploads?uploads&encoding-type=base64", "", 400, "InvalidArgument"},
		{"GET", "/uploads?uploads&key-marker=k&upload-id-marker=x", "", 400, "InvalidArgument"},
		{"GET", "/uploads/k?uploadId=x&part-number-marker=x", "", 400, "InvalidArgument"},
		{"GET", "/uploads/k?uploadId=x&part-number-marker=2147483648", "", 400, "InvalidArgument"},
		{"GET", "/uploads/nobody?partNumber=0", "", 400, "InvalidArgument"},
		{"GET", "/uploads/%ff", "", 400, "InvalidURI"},
		{"GET", "/%ff", "", 400, "InvalidURI"},
		{"PUT", "/fresh", where("nowhere"), 400, "InvalidLocationConstraint"},
		{"PUT", "/fresh", where("us-east-1"), 400, "InvalidLocationConstraint"},
		{"PUT", "/fresh", where("ap-south-1"), 400, "IllegalLocationConstraintException"},
		{"PUT", "/fresh", "<CreateBucketConfiguration><Location/></CreateBucketConfiguration>", 501, "NotImplemented"},
	} {
		res, reply := e.raw(t, c.method, c.target, c.body)
		wantError(t, c.method+" "+c.target, res, reply, c.status, c.code)
		if c.code == "InvalidArgument" && !strings.Contains(reply, "<ArgumentName>") {
			t.Errorf("%s %s: %s: want the argument's name", c.method, c.target, reply)
		}
	}
	if res, reply := e.rawIn(t, "us-east-1", "PUT", "/far", where("ap-south-1")); res.StatusCode != 200 {
		t.Errorf("CreateBucket in another region from us-east-1: %s %s, want 200", res.Status, reply)
	}
	res, reply := e.raw(t, "GET", "/uploads?list-type=2&continuation-token=", "")
	if res.StatusCode != 200 || !strings.Contains(reply, "<ContinuationToken></ContinuationToken>") {
		t.Errorf("an empty token: %s %s, want it repeated", res.Status, reply)
	}
	if res, text := e.raw(t, "GET", "/uploads/k", "", "Range", "bytes= -1"); res.StatusCode != 200 {
		t.Errorf("Range with a blank: %s %q, want 200 and all of it", res.Status, text)
	}
}

// TestSignatureErrors breaks signatures in every way that S3 has a name for.
func TestSignatureErrors(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	header := func(old, replacement string) func(*http.Request) {
		return func(r *http.Request) {
			sigv4.Sign(r, root, "eu-west-1", service, sigv4.EmptyPayload, time.Now())
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, replacement, 1))
		}
	}
	link := func(old, replacement string) func(*http.Request) {
		return func(r *http.Request) {
			s := sigv4.Presign(r.Method, r.URL, root, "eu-west-1", service, time.Minute, nil, time.Now())
			r.URL, _ = url.Parse(strings.Replace(s, old, replacement, 1))
		}
	}
	signed := func(change func(*http.Request)) func(*http.Request) {
		return func(r *http.Request) {
			sigv4.Sign(r, root, "eu-west-1", service, sigv4.EmptyPayload, time.Now())
			change(r)
		}
	}
	secret := root
	secret.Secret = "another-secret"
	for _, c := range []struct {
		what    string
		change  func(*http.Request)
		status  int
		code    string
		element string // of the document, with its value
	}{
		{"no credential", header("Credential=", "Cred="), 400, "AuthorizationHeaderMalformed", ""},
		{"no signed headers", header("SignedHeaders=", "Signed="), 400, "AuthorizationHeaderMalformed", ""},
		{"no signature", header("Signature=", "Sig="), 400, "AuthorizationHeaderMalformed", ""},
		{"no equal sign", header("SignedHeaders=", "SignedHeaders-"), 400, "AuthorizationHeaderMalformed", ""},
		{"short scope", header("/s3/", "/"), 400, "AuthorizationHeaderMalformed", ""},
		{"terminator", header("aws4_request", "aws_request"), 400, "AuthorizationHeaderMalformed", ""},
		{"region", header("eu-west-1", "EU"), 400, "AuthorizationHeaderMalformed", ""},
		{"scope's date", header("/2", "/9"), 400, "AuthorizationHeaderMalformed", ""},
		{"another scheme", header("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), 400, "InvalidArgument", "<ArgumentValue>AWS4-HMAC-SHA1</ArgumentValue>"},
		{"password", func(r *http.Request) { r.SetBasicAuth("a", "b") }, 400, "InvalidArgument", "<ArgumentValue>Basic</ArgumentValue>"},
		{"no date", signed(func(r *http.Request) { r.Header.Del("X-Amz-Date") }), 403, "AccessDenied", ""},
		{"no date that is one", signed(func(r *http.Request) { r.Header.Set("X-Amz-Date", "today") }), 403, "AccessDenied", ""},
		{"token", signed(func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") }), 400, "InvalidToken", ""},
		{"unsigned header", signed(func(r *http.Request) { r.Header.Set("X-Amz-Acl", "x") }), 403, "AccessDenied", "<HeadersNotSigned>x-amz-acl</HeadersNotSigned>"},
		{"no hash", signed(func(r *http.Request) {
			r.Header.Del("X-Amz-Content-Sha256")
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "x-amz-content-sha256;", "", 1))
		}), 400, "InvalidRequest", ""},
		{"hash that is none", signed(func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "x") }), 400, "InvalidArgument", "<ArgumentName>x-amz-content-sha256</ArgumentName>"},
		{"two signatures", func(r *http.Request) {
			link("", "")(r)
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 x")
		}, 400, "InvalidArgument", ""},
		{"another secret", func(r *http.Request) {
			sigv4.Sign(r, secret, "eu-west-1", service, sigv4.EmptyPayload, time.Now())
		}, 403, "SignatureDoesNotMatch", "<CanonicalRequest>GET&#xA;/uploads/k&#xA;"},
		{"unknown key", header("AKIDROOT", "AKIDNONE"), 403, "InvalidAccessKeyId", "<AWSAccessKeyId>AKIDNONE</AWSAccessKeyId>"},
		{"link, algorithm", link("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), 400, "AuthorizationQueryParametersError", ""},
		{"link, asymmetric", link("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), 400, "AuthorizationQueryParametersError", ""},
		{"link, no signature", link("X-Amz-Signature", "x"), 400, "AuthorizationQueryParametersError", ""},
		{"link, no credential", link("X-Amz-Credential", "x"), 400, "AuthorizationQueryParametersError", ""},
		{"link, no date", link("X-Amz-Date", "x"), 400, "AuthorizationQueryParametersError", ""},
		{"link, region", link("eu-west-1", "eu%20"), 400, "AuthorizationQueryParametersError", ""},
		{"link, no headers", link("X-Amz-SignedHeaders", "x"), 400, "AuthorizationQueryParametersError", ""},
		{"link, no life", link("X-Amz-Expires", "x"), 400, "AuthorizationQueryParametersError", ""},
		{"link, negative life", link("Expires=60", "Expires=-60"), 400, "AuthorizationQueryParametersError", ""},
		{"link, long life", link("Expires=60", "Expires=604801"), 400, "AuthorizationQueryParametersError", ""},
		{"link, scope", link("%2Fs3%2F", "%2F"), 400, "AuthorizationQueryParametersError", ""},
		{"link, terminator", link("aws4_request", "aws_request"), 400, "AuthorizationQueryParametersError", ""},
		{"link, token", link("X-Amz-Date", "X-Amz-Security-Token=x&X-Amz-Date"), 400, "InvalidToken", ""},
		{"link, another parameter", link("X-Amz-Date", "a=b&X-Amz-Date"), 403, "SignatureDoesNotMatch", "<SignatureProvided>"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL+"/uploads/k", nil)
		if err != nil {
			t.Fatal(err)
		}
		c.change(r)
		if c.what != "password" && !IsS3(r, sigv4.Parse(r)) {
			t.Errorf("%s: the request is not taken for S3's", c.what)
		}
		res, reply := e.do(t, r)
		wantError(t, c.what, res, reply, c.status, c.code)
		if !strings.Contains(reply, c.element) || strings.Contains(reply, root.Secret) {
			t.Errorf("%s: %s: want %s, and never the secret", c.what, reply, c.element)
		}
	}
}

func TestIsS3(t *testing.T) {
	t.Parallel()
	const hash = "X-Amz-Content-Sha256"
	for _, c := range []struct {
		method, target, service string
		headers                 []string
		want                    bool
	}{
		{"GET", "/b/k", "s3", nil, true},
		{"POST", "/b/k", "s3", nil, true},
		{"GET", "/?x-id=ListDirectoryBuckets", "s3express", nil, true},
		{"GET", "/b/k", "ses", nil, false},
		{"GET", "/b/k", "", nil, true},
		{"PUT", "/b/k", "", nil, true},
		{"GET", "/", "", nil, false},
		{"POST", "/b/k", "", nil, false},
		{"POST", "/", "", []string{"X-Amz-Target", "MailManagerSvc.ListAddressLists"}, false},
		{"GET", "/b/k", "", []string{"X-Amz-Target", "MailManagerSvc.ListAddressLists"}, false},
		{"GET", "/", "", []string{"Authorization", "AWS AKIDROOT:c2ln"}, true},
		{"POST", "/b/k?uploads", "", []string{"Authorization", "AWS AKIDROOT:c2ln"}, true},
		{"GET", "/", "", []string{"Authorization", "AWS4-HMAC-SHA256 nonsense", hash, "x"}, true},
		{"GET", "/", "", []string{"Authorization", "AWS4-HMAC-SHA256 nonsense"}, false},
		{"GET", "/", "", []string{"Authorization", "Basic YTpi"}, false},
		{"POST", "/?AWSAccessKeyId=a&Signature=b&SignatureVersion=2", "", nil, false},
		{"GET", "/?AWSAccessKeyId=a&Signature=b&Expires=1", "", nil, true},
		{"GET", "/?X-Amz-Credential=a&X-Amz-Signature=b", "", nil, true},
	} {
		r := httptest.NewRequest(c.method, c.target, nil)
		for i := 0; i < len(c.headers); i += 2 {
			r.Header.Set(c.headers[i], c.headers[i+1])
		}
		if c.service != "" {
			sigv4.Sign(r, root, "eu-west-1", c.service, sigv4.EmptyPayload, time.Now())
		}
		if got := IsS3(r, sigv4.Parse(r)); got != c.want {
			t.Errorf("IsS3 of %s %s signed for %q with %q = %t, want %t", c.method, c.target, c.service, c.headers, got, c.want)
		}
	}
}

// TestBucketAgain: as at S3, one's own bucket is made again in us-east-1 only.
func TestBucketAgain(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	if res, reply := e.rawIn(t, "us-east-1", "PUT", "/uploads", ""); res.StatusCode != 200 {
		t.Errorf("CreateBucket again in us-east-1: %s %s, want 200", res.Status, reply)
	}
	res, reply := e.raw(t, "PUT", "/uploads", "")
	wantError(t, "CreateBucket again in eu-west-1", res, reply, http.StatusConflict, "BucketAlreadyOwnedByYou")
	if res, text := e.raw(t, "GET", "/uploads/k", ""); res.StatusCode != 200 {
		t.Errorf("GET after it: %s %s, want the object still there", res.Status, text)
	}
}

// TestErrorDocument: the elements of an error are those that S3's clients look for.
func TestErrorDocument(t *testing.T) {
	t.Parallel()
	e := withBucket(t, Options{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, e.URL+"/uploads/x", strings.NewReader("other"))
	if err != nil {
		t.Fatal(err)
	}
	sigv4.Sign(r, root, "eu-west-1", service, sigv4.HashPayload([]byte("texts")), time.Now())
	res, reply := e.do(t, r)
	wantError(t, "another body", res, reply, 400, "XAmzContentSHA256Mismatch")
	var got struct{ ClientComputedContentSHA256, S3ComputedContentSHA256 string }
	if err := xml.Unmarshal([]byte(reply), &got); err != nil || got.ClientComputedContentSHA256 != sigv4.HashPayload([]byte("texts")) ||
		got.S3ComputedContentSHA256 != sigv4.HashPayload([]byte("other")) {
		t.Errorf("error of another body: %s, %v, want both hashes", reply, err)
	}

	res, reply = e.raw(t, "PUT", "/uploads/x", "other", "Content-Md5", "AAAAAAAAAAAAAAAAAAAAAA==")
	wantError(t, "another MD5", res, reply, 400, "BadDigest")
	var digests struct{ ExpectedDigest, CalculatedDigest string }
	const want = "795f3202b17cb6bc3d4b771d8c6c9eaf" // md5sum of other
	if err := xml.Unmarshal([]byte(reply), &digests); err != nil || digests.ExpectedDigest != strings.Repeat("0", 32) || digests.CalculatedDigest != want {
		t.Errorf("error of another MD5: %s, %v, want both digests", reply, err)
	}
}
