package s3

import (
	"net/http"
	"strings"
)

// checkOwner compares the account that the caller expects to own the bucket, and the
// one that a copy is from, with the one that does: every bucket that a caller can see
// is its own.
//
// Source: Amazon S3 User Guide, "Verifying bucket ownership with bucket owner
// condition"; Amazon S3 API Reference, "Error responses".
func (c *call) checkOwner() error {
	for _, name := range []string{"X-Amz-Expected-Bucket-Owner", "X-Amz-Source-Expected-Bucket-Owner"} {
		for _, account := range c.r.Header.Values(name) {
			switch {
			case account == c.who.Account:
			case len(account) != 12 || strings.Trim(account, "0123456789") != "":
				return failure{"InvalidBucketOwnerAWSAccountID", http.StatusBadRequest, "The value of the expected bucket owner parameter must be an AWS account ID: " + strings.ToLower(name)}
			default:
				return failure{"AccessDenied", http.StatusForbidden, "Access Denied"}
			}
		}
	}
	return nil
}
