package s3object

import (
	"context"
	"net/http"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
)

// maxLife is how long S3 lets a link live. One that was made with a session's
// credentials ends with them.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
const maxLife = 7 * 24 * time.Hour

// Presign returns a link of that S3. What is put may have any content type or none,
// unless the link says which, and needs no checksum: only the host and the link's
// headers are signed. There are links into the work bucket alone. Where the caller
// reached us, and which region it signed for, say nothing about that S3.
func (s *Store) Presign(ctx context.Context, l object.Link) (string, error) {
	a, err := s.location.own(l.Name)
	if err != nil {
		return "", err
	}
	if l.Life < time.Second || l.Life > maxLife {
		return "", fault.New(fault.Invalid, "a link lives from a second to seven days, not %v", l.Life)
	}
	life := s3.WithPresignExpires(l.Life)
	var link *v4.PresignedHTTPRequest
	switch l.Method {
	case http.MethodGet:
		link, err = s.links.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &a.bucket, Key: &a.key, ResponseContentDisposition: disposition(l.FileName)}, life)
	case http.MethodHead:
		link, err = s.links.PresignHeadObject(ctx, &s3.HeadObjectInput{Bucket: &a.bucket, Key: &a.key}, life)
	case http.MethodPut:
		link, err = s.links.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: &a.bucket, Key: &a.key, ContentType: contentType(l.Header)}, life)
	default:
		return "", fault.New(fault.Invalid, "there are no links for %s", l.Method)
	}
	if err != nil {
		return "", s.toFault("link to", a, err)
	}
	return link.URL, nil
}

// disposition is what a link asks S3 to say of a file of that name.
func disposition(file string) *string {
	if file == "" {
		return nil
	}
	text := object.Attachment(file)
	return &text
}

// contentType is the one header that a link can ask for.
func contentType(h http.Header) *string {
	if t := h.Get("Content-Type"); t != "" {
		return &t
	}
	return nil
}
