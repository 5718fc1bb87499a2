package s3

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// noEffect are headers that are accepted and change nothing, each with a check of its
// value: a value that S3 would refuse is refused. The list is in docs/differences, D55
// and D137.
//
// Source: Amazon S3 API Reference, PutObject, CopyObject, CreateBucket, DeleteObject,
// ListObjectsV2.
var noEffect = map[string]func(name, value string) error{
	"X-Amz-Acl": oneOf("private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read",
		"bucket-owner-read", "bucket-owner-full-control", "log-delivery-write"),
	"X-Amz-Grant-Full-Control": checkGrants,
	"X-Amz-Grant-Read":         checkGrants,
	"X-Amz-Grant-Read-Acp":     checkGrants,
	"X-Amz-Grant-Write":        checkGrants,
	"X-Amz-Grant-Write-Acp":    checkGrants,
	"X-Amz-Storage-Class":      checkStorageClass,
	"X-Amz-Tagging":            checkTagging,
	"X-Amz-Tagging-Directive":  oneOf("COPY", "REPLACE"),

	"X-Amz-Server-Side-Encryption":                    checkEncryption,
	"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled": checkBucketKey,

	"X-Amz-Bypass-Governance-Retention": oneOf("true", "false"),
	"X-Amz-Mfa":                         func(string, string) error { return nil },
	"X-Amz-Object-Annotation-Directive": oneOf("COPY", "EXCLUDE"),
	"X-Amz-Object-Ownership":            oneOf("BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"),
	"X-Amz-Optional-Object-Attributes":  oneOf("RestoreStatus"),
	"X-Amz-Request-Payer":               oneOf("requester"),
}

// otherHeaders are the other headers of S3 with the prefix x-amz- that a change may have, beside
// those of conditional and particular, checksums and metadata.
var otherHeaders = []string{
	"X-Amz-Content-Sha256", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-User-Agent", decodedLength,
	"X-Amz-Expected-Bucket-Owner", "X-Amz-Source-Expected-Bucket-Owner", "X-Amz-Metadata-Directive", checksumMode,
}

// checkWithoutEffect refuses a wrong value of a header that has no effect, and an unknown
// x-amz-* header of a change: nobody can tell what it would have done.
func (c *call) checkWithoutEffect() error {
	isRead := c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
	for name, values := range c.r.Header {
		if !strings.HasPrefix(name, amzPrefix) {
			continue
		}
		if check, ok := noEffect[name]; ok {
			if value := strings.Join(values, ","); value != "" {
				if err := check(name, value); err != nil {
					return err
				}
			}
			continue
		}
		if !isRead && !isKnownHeader(name) {
			return notImplemented(name)
		}
	}
	return nil
}

func isKnownHeader(name string) bool {
	_, isConditional := conditional[name]
	_, isParticular := particular[name]
	return isConditional || isParticular || slices.Contains(otherHeaders, name) || slices.Contains(unserved, name) ||
		strings.HasPrefix(name, metaPrefix) || strings.HasPrefix(name, checksumPrefix)
}

// oneOf returns a check that a value, or each of a list, is one of those given.
func oneOf(allowed ...string) func(name, value string) error {
	return func(name, value string) error {
		for one := range strings.SplitSeq(value, ",") {
			if !slices.Contains(allowed, strings.TrimSpace(one)) {
				return invalidValueOf(name, value)
			}
		}
		return nil
	}
}

func invalidValueOf(name, value string) error {
	name = strings.ToLower(name)
	return badArgument(name, value, "Value for "+name+" header is invalid.")
}

var grantPattern = regexp.MustCompile(`^\s*(?i:id|uri|emailAddress)\s*=\s*("[^",]+"|[^",\s]+)\s*$`)

func checkGrants(name, value string) error {
	for one := range strings.SplitSeq(value, ",") {
		if !grantPattern.MatchString(one) {
			return invalidValueOf(name, value)
		}
	}
	return nil
}

var storageClasses = []string{
	"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE",
	"OUTPOSTS", "GLACIER_IR", "SNOW", "EXPRESS_ONEZONE", "FSX_OPENZFS", "FSX_ONTAP", "AWS_BACKUP_WARM", "AWS_BACKUP_LOW_COST_WARM",
}

func checkStorageClass(_, value string) error {
	if !slices.Contains(storageClasses, value) {
		return failure{"InvalidStorageClass", http.StatusBadRequest, "The storage class you specified is not valid"}
	}
	return nil
}

// Bounds of the tags of an object.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
const (
	maxTags     = 10
	maxTagKey   = 128
	maxTagValue = 256
)

func checkTagging(name, value string) error {
	tags, err := url.ParseQuery(value)
	if err != nil || len(tags) > maxTags {
		return invalidValueOf(name, value)
	}
	for key, values := range tags {
		if key == "" || len([]rune(key)) > maxTagKey || len(values) != 1 || len([]rune(values[0])) > maxTagValue {
			return invalidValueOf(name, value)
		}
	}
	return nil
}

// checkEncryption allows S3's own keys, which AWS uses for every object. A key of the
// caller's in KMS is what it would miss.
func checkEncryption(name, value string) error {
	switch value {
	case "AES256":
		return nil
	case "aws:kms", "aws:kms:dsse", "aws:fsx":
		return notImplemented(name)
	}
	return failure{"InvalidEncryptionAlgorithmError", http.StatusBadRequest, "The encryption request that you specified is not valid. Supported value: AES256."}
}

func checkBucketKey(name, value string) error {
	switch strings.ToLower(value) {
	case "false":
		return nil
	case "true":
		return notImplemented(name)
	}
	return invalidValueOf(name, value)
}
