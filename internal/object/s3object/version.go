package s3object

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// version names the bytes of an object, in object.Info as ETag or ETag@id. The zero
// value is whatever is there.
type version struct {
	etag string // without quotes
	id   string // S3's own, if the bucket keeps versions
}

func versionOf(etag, id *string) version {
	text := strings.TrimPrefix(aws.ToString(etag), "W/") // which proxies that compress put before it
	return version{etag: strings.Trim(text, `"`), id: aws.ToString(id)}
}

func parseVersion(text string) version {
	etag, id, _ := strings.Cut(text, "@")
	return version{etag: etag, id: id}
}

func (v version) String() string {
	if v.id == "" {
		return v.etag
	}
	return v.etag + "@" + v.id
}
