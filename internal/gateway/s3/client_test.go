package s3

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/testenv"
)

func diskName(key string) object.Name {
	return object.Name{Account: root.Account, Bucket: "uploads", Key: key}
}

func TestObjects(t *testing.T) {
	both(t, func(t *testing.T, _ *endpoint, c *sdk.Client) {
		ctx := t.Context()
		_, err := c.PutObject(ctx, &sdk.PutObjectInput{
			Bucket: aws.String("uploads"), Key: aws.String("list.csv"), Body: strings.NewReader("a@example.com\n"),
			ContentType: aws.String("text/csv"), CacheControl: aws.String("no-store"), Metadata: map[string]string{"Origin": "crm"},
		})
		if err != nil {
			t.Fatalf("PutObject: %v", err)
		}
		text, out, err := get(c, "list.csv")
		if err != nil || text != "a@example.com\n" || aws.ToString(out.ContentType) != "text/csv" ||
			aws.ToString(out.CacheControl) != "no-store" || out.Metadata["origin"] != "crm" || aws.ToInt64(out.ContentLength) != 14 {
			t.Errorf("GetObject = %q %+v, %v", text, out, err)
		}
		head, err := c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: aws.String("uploads"), Key: aws.String("list.csv")})
		if err != nil || aws.ToString(head.ETag) != aws.ToString(out.ETag) || !strings.HasPrefix(aws.ToString(head.ETag), `"`) {
			t.Errorf("HeadObject = %+v, %v, want the ETag %v", head, err, out.ETag)
		}
		if _, err := c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: aws.String("uploads"), Key: aws.String("list.csv")}); err != nil {
			t.Errorf("DeleteObject: %v", err)
		}
		_, _, err = get(c, "list.csv")
		wantCode(t, "GetObject after delete", err, "NoSuchKey")
	})
}

func TestSizes(t *testing.T) {
	both(t, func(t *testing.T, _ *endpoint, c *sdk.Client) {
		rng := testenv.Rand(t)
		for _, size := range []int{0, 1, 65_535, 65_536, 65_537, 1 << 20, 3<<20 + 1} {
			text := make([]byte, size)
			for i := range text {
				text[i] = byte(rng.Uint32())
			}
			key := fmt.Sprint("size-", size)
			put(t, c, key, string(text))
			wantText(t, c, key, string(text))
		}
	})
}

func TestOddKeys(t *testing.T) {
	both(t, func(t *testing.T, _ *endpoint, c *sdk.Client) {
		keys := []string{"a", "a/b", "a/b/", "a//b", "/a", "%2F", "a%2Fb", "a b", "a+b", "ключ", "a?b#c&d=e", "a\tb", "~!*'()", "..x/..y", "e\u0301", "a:b"}
		for _, k := range keys {
			put(t, c, k, "text of "+k)
		}
		for _, k := range keys {
			wantText(t, c, k, "text of "+k)
		}
		out, err := c.ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: aws.String("uploads"), EncodingType: types.EncodingTypeUrl})
		if err != nil || len(out.Contents) != len(keys) {
			t.Fatalf("ListObjectsV2 = %d keys, %v, want %d", len(out.Contents), err, len(keys))
		}
		slices.Sort(keys)
		n := testenv.Rand(t).IntN(len(keys))
		if got, want := aws.ToString(out.Contents[n].Key), (&call{q: map[string][]string{"encoding-type": {"url"}}}).encode(keys[n]); got != want {
			t.Errorf("key %d is %q, want %q", n, got, want)
		}
	})
}

func TestChecksums(t *testing.T) {
	both(t, func(t *testing.T, _ *endpoint, c *sdk.Client) {
		for _, a := range types.ChecksumAlgorithm("").Values() {
			if diskobject.Algorithm(a).New() == nil {
				t.Errorf("the client has the algorithm %s, which is not served", a)
			}
			if a == types.ChecksumAlgorithmMd5 || strings.HasPrefix(string(a), "XXHASH") {
				continue // the client does not compute it
			}
			key := "sum-" + string(a)
			out, err := c.PutObject(t.Context(), &sdk.PutObjectInput{
				Bucket: aws.String("uploads"), Key: aws.String(key), Body: strings.NewReader("some text"), ChecksumAlgorithm: a,
			})
			if err != nil {
				t.Errorf("PutObject with %s: %v", a, err)
				continue
			}
			head, err := c.HeadObject(t.Context(), &sdk.HeadObjectInput{
				Bucket: aws.String("uploads"), Key: aws.String(key), ChecksumMode: types.ChecksumModeEnabled,
			})
			if err != nil || head.ChecksumType != types.ChecksumTypeFullObject {
				t.Errorf("HeadObject of %s = %+v, %v", key, head, err)
				continue
			}
			sent := []*string{out.ChecksumCRC32, out.ChecksumCRC32C, out.ChecksumCRC64NVME, out.ChecksumSHA1, out.ChecksumSHA256, out.ChecksumSHA512}
			got := []*string{head.ChecksumCRC32, head.ChecksumCRC32C, head.ChecksumCRC64NVME, head.ChecksumSHA1, head.ChecksumSHA256, head.ChecksumSHA512}
			for i := range sent {
				if aws.ToString(sent[i]) != aws.ToString(got[i]) {
					t.Errorf("HeadObject of %s has checksum %q, want %q", key, aws.ToString(got[i]), aws.ToString(sent[i]))
				}
			}
			wantText(t, c, key, "some text") // the client compares it as well
		}
	})
}

func TestStream(t *testing.T) {
	t.Parallel()
	e := start(t, true, Options{})
	c := e.client(root)
	if err := e.store.CreateBucket(t.Context(), root.Account, "uploads", ""); err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("0123456789", 200_000)
	_, err := c.PutObject(t.Context(), &sdk.PutObjectInput{
		Bucket: aws.String("uploads"), Key: aws.String("stream"), Body: struct{ io.Reader }{strings.NewReader(text)},
		ContentLength: aws.Int64(int64(len(text))),
	})
	if err != nil {
		t.Fatalf("PutObject of a stream: %v", err)
	}
	wantText(t, c, "stream", text)
}

func TestBuckets(t *testing.T) {
	both(t, func(t *testing.T, e *endpoint, c *sdk.Client) {
		ctx := t.Context()
		_, err := c.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: aws.String("uploads")})
		wantCode(t, "CreateBucket twice", err, "BucketAlreadyOwnedByYou")
		_, err = c.CreateBucket(ctx, &sdk.CreateBucketInput{
			Bucket: aws.String("more"), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"},
		})
		if err != nil {
			t.Errorf("CreateBucket with a place: %v", err)
		}
		where, err := c.GetBucketLocation(ctx, &sdk.GetBucketLocationInput{Bucket: aws.String("more")})
		if err != nil || where.LocationConstraint != "eu-west-1" {
			t.Errorf("GetBucketLocation = %+v, %v, want eu-west-1", where, err)
		}
		all, err := c.ListBuckets(ctx, &sdk.ListBucketsInput{})
		if err != nil || len(all.Buckets) != 2 || aws.ToString(all.Buckets[0].Name) != "more" {
			t.Errorf("ListBuckets = %+v, %v, want more and uploads", all, err)
		}
		theirs := e.client(other)
		if all, err := theirs.ListBuckets(ctx, &sdk.ListBucketsInput{}); err != nil || len(all.Buckets) != 0 {
			t.Errorf("ListBuckets of another account = %+v, %v, want none", all, err)
		}
		_, err = theirs.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: aws.String("uploads")})
		wantCode(t, "ListObjectsV2 of another account's bucket", err, "NoSuchBucket")
		_, err = theirs.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: aws.String("uploads")})
		if err != nil {
			t.Errorf("CreateBucket of a name that another account has: %v", err)
		}
		put(t, c, "k", "x")
		_, err = c.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: aws.String("uploads")})
		wantCode(t, "DeleteBucket with an object", err, "BucketNotEmpty")
		if _, err = c.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: aws.String("more")}); err != nil {
			t.Errorf("DeleteBucket: %v", err)
		}
		_, err = c.HeadBucket(ctx, &sdk.HeadBucketInput{Bucket: aws.String("more")})
		wantCode(t, "HeadBucket after delete", err, "NotFound")
	})
}

func TestLists(t *testing.T) {
	both(t, func(t *testing.T, _ *endpoint, c *sdk.Client) {
		for i := range 5 {
			put(t, c, fmt.Sprintf("dir-%d/one", i), "x")
			put(t, c, fmt.Sprintf("dir-%d/two", i), "x")
		}
		put(t, c, "file", "x")
		in := &sdk.ListObjectsV2Input{Bucket: aws.String("uploads"), Delimiter: aws.String("/"), MaxKeys: aws.Int32(2)}
		var got []string
		for p := sdk.NewListObjectsV2Paginator(c, in); p.HasMorePages(); {
			page, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatalf("ListObjectsV2: %v", err)
			}
			for _, g := range page.CommonPrefixes {
				got = append(got, aws.ToString(g.Prefix))
			}
			for _, o := range page.Contents {
				got = append(got, aws.ToString(o.Key))
			}
		}
		if want := []string{"dir-0/", "dir-1/", "dir-2/", "dir-3/", "dir-4/", "file"}; !slices.Equal(got, want) {
			t.Errorf("ListObjectsV2 by two = %q, want %q", got, want)
		}
		v1, err := c.ListObjects(t.Context(), &sdk.ListObjectsInput{Bucket: aws.String("uploads"), Prefix: aws.String("dir-1"), Marker: aws.String("dir-1/one")})
		if err != nil || len(v1.Contents) != 1 || aws.ToString(v1.Contents[0].Key) != "dir-1/two" || aws.ToBool(v1.IsTruncated) {
			t.Errorf("ListObjects = %+v, %v, want dir-1/two", v1, err)
		}
		out, err := c.DeleteObjects(t.Context(), &sdk.DeleteObjectsInput{Bucket: aws.String("uploads"), Delete: &types.Delete{
			Objects: []types.ObjectIdentifier{{Key: aws.String("file")}, {Key: aws.String("dir-1/one")}, {Key: aws.String("nobody")}},
		}})
		if err != nil || len(out.Deleted) != 3 || len(out.Errors) != 0 {
			t.Errorf("DeleteObjects = %+v, %v, want 3 deleted", out, err)
		}
		_, _, err = get(c, "file")
		wantCode(t, "GetObject after DeleteObjects", err, "NoSuchKey")
	})
}

func TestCopies(t *testing.T) {
	both(t, func(t *testing.T, _ *endpoint, c *sdk.Client) {
		put(t, c, "a b+c", "text")
		in := &sdk.CopyObjectInput{Bucket: aws.String("uploads"), Key: aws.String("copy"), CopySource: aws.String("uploads/a%20b%2Bc")}
		out, err := c.CopyObject(t.Context(), in)
		if err != nil || aws.ToString(out.CopyObjectResult.ETag) == "" {
			t.Fatalf("CopyObject = %+v, %v", out, err)
		}
		wantText(t, c, "copy", "text")
		in.CopySourceIfNoneMatch = out.CopyObjectResult.ETag
		_, err = c.CopyObject(t.Context(), in)
		wantCode(t, "CopyObject with a condition", err, "PreconditionFailed")
		_, err = c.CopyObject(t.Context(), &sdk.CopyObjectInput{Bucket: aws.String("uploads"), Key: aws.String("copy"), CopySource: aws.String("uploads/nobody")})
		wantCode(t, "CopyObject of nothing", err, "NoSuchKey")
		self := &sdk.CopyObjectInput{Bucket: aws.String("uploads"), Key: aws.String("copy"), CopySource: aws.String("uploads/copy")}
		_, err = c.CopyObject(t.Context(), self)
		wantCode(t, "CopyObject onto itself", err, "InvalidRequest")
		for _, in := range []*sdk.CopyObjectInput{
			{StorageClass: types.StorageClassStandard}, {ServerSideEncryption: types.ServerSideEncryptionAes256},
		} {
			in.Bucket, in.Key, in.CopySource = self.Bucket, self.Key, self.CopySource
			if _, err = c.CopyObject(t.Context(), in); err != nil {
				t.Errorf("CopyObject onto itself with a storage class or an encryption: %v", err)
			}
		}
		self.MetadataDirective, self.ContentType = types.MetadataDirectiveReplace, aws.String("text/csv")
		if _, err = c.CopyObject(t.Context(), self); err != nil {
			t.Errorf("CopyObject onto itself with other metadata: %v", err)
		}
		if _, out, err := get(c, "copy"); err != nil || aws.ToString(out.ContentType) != "text/csv" {
			t.Errorf("GetObject = %+v, %v, want the new type", out, err)
		}
	})
}

func TestPresigned(t *testing.T) {
	both(t, func(t *testing.T, e *endpoint, c *sdk.Client) {
		p := sdk.NewPresignClient(c)
		up, err := p.PresignPutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String("uploads"), Key: aws.String("a b/%2F")})
		if err != nil {
			t.Fatalf("PresignPutObject: %v", err)
		}
		own, err := NewPresigner(root).Presign(t.Context(), object.Link{Method: http.MethodPut, Name: diskName("a b/%2F"), Base: e.URL, Region: "eu-west-1", Life: time.Minute})
		if err != nil {
			t.Fatalf("Presign: %v", err)
		}
		for i, url := range []string{up.URL, own} {
			for _, contentType := range []string{"", "text/csv"} {
				text := fmt.Sprint(i, contentType)
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, url, strings.NewReader(text))
				if contentType != "" {
					r.Header.Set("Content-Type", contentType)
				}
				if res, reply := e.do(t, r); res.StatusCode != http.StatusOK || res.Header.Get("ETag") == "" {
					t.Errorf("PUT to link %d with type %q = %s %s", i, contentType, res.Status, reply)
				}
				wantText(t, c, "a b/%2F", text)
			}
		}
		down, err := p.PresignGetObject(t.Context(), &sdk.GetObjectInput{
			Bucket: aws.String("uploads"), Key: aws.String("a b/%2F"), ResponseContentDisposition: aws.String("attachment"),
		})
		if err != nil {
			t.Fatalf("PresignGetObject: %v", err)
		}
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, down.URL, nil)
		if res, text := e.do(t, r); res.StatusCode != http.StatusOK || text != "1text/csv" || res.Header.Get("Content-Disposition") != "attachment" {
			t.Errorf("GET of a link = %s %q %v", res.Status, text, res.Header)
		}
		if _, err := NewPresigner(other).Presign(t.Context(), object.Link{Method: http.MethodGet, Name: diskName("k"), Base: e.URL, Region: "eu-west-1", Life: time.Minute}); err == nil {
			t.Error("Presign of another account's object succeeds")
		}
	})
}

func TestConditions(t *testing.T) {
	both(t, func(t *testing.T, _ *endpoint, c *sdk.Client) {
		out := put(t, c, "k", "text")
		in := &sdk.PutObjectInput{Bucket: aws.String("uploads"), Key: aws.String("k"), Body: strings.NewReader("other"), IfNoneMatch: aws.String("*")}
		_, err := c.PutObject(t.Context(), in)
		wantCode(t, "PutObject with If-None-Match", err, "PreconditionFailed")
		wantText(t, c, "k", "text")
		_, err = c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: in.Bucket, Key: in.Key, IfMatch: aws.String(`"0123"`)})
		wantCode(t, "GetObject with another ETag", err, "PreconditionFailed")
		if _, err = c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: in.Bucket, Key: in.Key, IfMatch: out.ETag}); err != nil {
			t.Errorf("GetObject with its ETag: %v", err)
		}
	})
}

// TestBadDigest sends checksums that are not those of the body.
func TestBadDigest(t *testing.T) {
	both(t, func(t *testing.T, _ *endpoint, c *sdk.Client) {
		zero := func(n int) *string { return aws.String(base64.StdEncoding.EncodeToString(make([]byte, n))) }
		for name, in := range map[string]*sdk.PutObjectInput{
			"CRC32": {ChecksumCRC32: zero(4)}, "CRC32C": {ChecksumCRC32C: zero(4)}, "CRC64NVME": {ChecksumCRC64NVME: zero(8)},
			"SHA1": {ChecksumSHA1: zero(20)}, "SHA256": {ChecksumSHA256: zero(32)}, "MD5": {ContentMD5: zero(16)},
		} {
			in.Bucket, in.Key, in.Body = aws.String("uploads"), aws.String("k"), strings.NewReader("text")
			_, err := c.PutObject(t.Context(), in)
			wantCode(t, "PutObject with another "+name, err, "BadDigest")
			_, _, err = get(c, "k")
			wantCode(t, "GetObject after it", err, "NoSuchKey")
		}
		_, err := c.PutObject(t.Context(), &sdk.PutObjectInput{
			Bucket: aws.String("uploads"), Key: aws.String("k"), Body: strings.NewReader("text"), ContentMD5: aws.String("nonsense"),
		})
		wantCode(t, "PutObject with half an MD5", err, "InvalidDigest")
	})
}

func TestAccess(t *testing.T) {
	both(t, func(t *testing.T, e *endpoint, c *sdk.Client) {
		put(t, c, "k", "text")
		_, _, err := get(e.client(sigv4.Credentials{AccessKey: root.AccessKey, Secret: "wrong"}), "k")
		wantCode(t, "GetObject with another secret", err, "SignatureDoesNotMatch")
		_, _, err = get(e.client(sigv4.Credentials{AccessKey: "nobody", Secret: "x"}), "k")
		wantCode(t, "GetObject with an unknown key", err, "InvalidAccessKeyId")
		_, _, err = get(e.client(other), "k")
		wantCode(t, "GetObject of another account", err, "NoSuchBucket")
	})
}
