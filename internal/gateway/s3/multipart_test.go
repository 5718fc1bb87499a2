package s3

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/sluicehq/sluice/internal/object/diskobject"
)

func TestMultipart(t *testing.T) {
	both(t, func(t *testing.T, _ *endpoint, c *sdk.Client) {
		one, two := strings.Repeat("1", diskobject.MinPartSize), "two"
		for _, kind := range []struct {
			algorithm types.ChecksumAlgorithm
			kind      types.ChecksumType
		}{
			{"", ""},
			{types.ChecksumAlgorithmCrc32, ""},
			{types.ChecksumAlgorithmCrc32c, types.ChecksumTypeFullObject},
			{types.ChecksumAlgorithmCrc64nvme, ""},
			{types.ChecksumAlgorithmSha256, types.ChecksumTypeComposite},
		} {
			key := "multi-" + string(kind.algorithm)
			u, err := c.CreateMultipartUpload(t.Context(), &sdk.CreateMultipartUploadInput{
				Bucket: aws.String("uploads"), Key: aws.String(key), ChecksumAlgorithm: kind.algorithm, ChecksumType: kind.kind,
			})
			if err != nil {
				t.Errorf("CreateMultipartUpload %s: %v", key, err)
				continue
			}
			var parts []types.CompletedPart
			for i, text := range []string{one, two} {
				p, err := c.UploadPart(t.Context(), &sdk.UploadPartInput{
					Bucket: u.Bucket, Key: u.Key, UploadId: u.UploadId, PartNumber: aws.Int32(int32(i + 1)),
					Body: bytes.NewReader([]byte(text)), ChecksumAlgorithm: kind.algorithm,
				})
				if err != nil {
					t.Fatalf("UploadPart %s: %v", key, err)
				}
				parts = append(parts, types.CompletedPart{
					PartNumber: aws.Int32(int32(i + 1)), ETag: p.ETag, ChecksumCRC32: p.ChecksumCRC32, ChecksumCRC32C: p.ChecksumCRC32C,
					ChecksumCRC64NVME: p.ChecksumCRC64NVME, ChecksumSHA256: p.ChecksumSHA256,
				})
			}
			listed, err := c.ListParts(t.Context(), &sdk.ListPartsInput{Bucket: u.Bucket, Key: u.Key, UploadId: u.UploadId, MaxParts: aws.Int32(1)})
			if err != nil || len(listed.Parts) != 1 || !aws.ToBool(listed.IsTruncated) || aws.ToString(listed.NextPartNumberMarker) != "1" {
				t.Errorf("ListParts = %+v, %v, want one of two", listed, err)
			}
			done, err := c.CompleteMultipartUpload(t.Context(), &sdk.CompleteMultipartUploadInput{
				Bucket: u.Bucket, Key: u.Key, UploadId: u.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
			})
			if err != nil || !strings.HasSuffix(aws.ToString(done.ETag), `-2"`) {
				t.Errorf("CompleteMultipartUpload %s = %+v, %v", key, done, err)
				continue
			}
			wantText(t, c, key, one+two)
			part, err := c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: u.Bucket, Key: u.Key, PartNumber: aws.Int32(2)})
			if err != nil {
				t.Errorf("GetObject of part 2: %v", err)
				continue
			}
			if text, err := io.ReadAll(part.Body); err != nil || string(text) != two || aws.ToInt32(part.PartsCount) != 2 {
				t.Errorf("part 2 = %q, %v, of %d", text, err, aws.ToInt32(part.PartsCount))
			}
		}
	})
}

func TestUploads(t *testing.T) {
	both(t, func(t *testing.T, _ *endpoint, c *sdk.Client) {
		put(t, c, "source", strings.Repeat("s", 1000))
		u, err := c.CreateMultipartUpload(t.Context(), &sdk.CreateMultipartUploadInput{Bucket: aws.String("uploads"), Key: aws.String("k")})
		if err != nil {
			t.Fatalf("CreateMultipartUpload: %v", err)
		}
		p, err := c.UploadPartCopy(t.Context(), &sdk.UploadPartCopyInput{
			Bucket: u.Bucket, Key: u.Key, UploadId: u.UploadId, PartNumber: aws.Int32(1),
			CopySource: aws.String("uploads/source"), CopySourceRange: aws.String("bytes=0-9"),
		})
		if err != nil || aws.ToString(p.CopyPartResult.ETag) == "" {
			t.Fatalf("UploadPartCopy = %+v, %v", p, err)
		}
		all, err := c.ListMultipartUploads(t.Context(), &sdk.ListMultipartUploadsInput{Bucket: aws.String("uploads")})
		if err != nil || len(all.Uploads) != 1 || aws.ToString(all.Uploads[0].UploadId) != aws.ToString(u.UploadId) {
			t.Errorf("ListMultipartUploads = %+v, %v, want the upload", all, err)
		}
		if _, err := c.AbortMultipartUpload(t.Context(), &sdk.AbortMultipartUploadInput{Bucket: u.Bucket, Key: u.Key, UploadId: u.UploadId}); err != nil {
			t.Errorf("AbortMultipartUpload: %v", err)
		}
		_, err = c.ListParts(t.Context(), &sdk.ListPartsInput{Bucket: u.Bucket, Key: u.Key, UploadId: u.UploadId})
		wantCode(t, "ListParts after abort", err, "NoSuchUpload")
	})
}
