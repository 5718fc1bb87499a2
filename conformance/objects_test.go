package conformance

import (
	"bytes"
	"io"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

var bucket = aws.String("objects")

func makeBucket(t *testing.T, files *s3.Client) {
	t.Helper()
	if _, err := files.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
}

// content is what object i holds: between nothing and 200 KB that tell i.
func content(i int) []byte {
	return bytes.Repeat([]byte(strconv.Itoa(i)+"\n"), i%7*5000)
}

func putObject(t *testing.T, files *s3.Client, i int) error {
	_, err := files.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: bucket, Key: aws.String("object/" + strconv.Itoa(i)), Body: bytes.NewReader(content(i)),
	})
	return err
}

func checkObject(t *testing.T, files *s3.Client, i int) {
	t.Helper()
	got, err := files.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("object/" + strconv.Itoa(i))})
	if err != nil {
		t.Errorf("object %d: %v", i, err)
		return
	}
	defer got.Body.Close()
	if body, err := io.ReadAll(got.Body); err != nil || !bytes.Equal(body, content(i)) {
		t.Errorf("object %d has %d bytes, %v; want its %d", i, len(body), err, len(content(i)))
	}
}
