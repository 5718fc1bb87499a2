package s3

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// operation is one thing that S3 can be asked for.
type operation struct {
	name        string
	method      string
	level       level
	query       string   // a parameter that must be there; "" is none of all those below
	value       string   // of it; "" means any
	header      string   // that must be there
	arguments   []string // other parameters that it takes, of a change
	streams     bool     // takes a body of any length
	document    bool     // reads a small document
	makesBucket bool     // wants no bucket to be there
	serve       func(*call) error
}

// operations in the order in which they are tried: the more demanding first.
var operations = []*operation{
	{name: "ListBuckets", method: http.MethodGet, level: atService, serve: (*call).listBuckets},

	{name: "CreateBucket", method: http.MethodPut, level: atBucket, document: true, makesBucket: true, serve: (*call).createBucket},
	{name: "HeadBucket", method: http.MethodHead, level: atBucket, serve: (*call).headBucket},
	{name: "DeleteBucket", method: http.MethodDelete, level: atBucket, serve: (*call).deleteBucket},
	{name: "GetBucketLocation", method: http.MethodGet, level: atBucket, query: "location", serve: (*call).getBucketLocation},
	{name: "ListMultipartUploads", method: http.MethodGet, level: atBucket, query: "uploads", serve: (*call).listUploads},
	{name: "ListObjectsV2", method: http.MethodGet, level: atBucket, query: "list-type", value: "2", serve: (*call).listObjectsV2},
	{name: "ListObjects", method: http.MethodGet, level: atBucket, serve: (*call).listObjects},
	{name: "DeleteObjects", method: http.MethodPost, level: atBucket, query: "delete", document: true, serve: (*call).deleteObjects},

	{name: "UploadPartCopy", method: http.MethodPut, level: atObject, query: "uploadId", arguments: []string{"partNumber"}, header: copySource, serve: (*call).uploadPartCopy},
	{name: "UploadPart", method: http.MethodPut, level: atObject, query: "uploadId", arguments: []string{"partNumber"}, streams: true, serve: (*call).uploadPart},
	{name: "CopyObject", method: http.MethodPut, level: atObject, header: copySource, serve: (*call).copyObject},
	{name: "PutObject", method: http.MethodPut, level: atObject, streams: true, serve: (*call).putObject},
	{name: "ListParts", method: http.MethodGet, level: atObject, query: "uploadId", serve: (*call).listParts},
	{name: "GetObject", method: http.MethodGet, level: atObject, serve: (*call).getObject},
	{name: "HeadObject", method: http.MethodHead, level: atObject, serve: (*call).getObject},
	{name: "AbortMultipartUpload", method: http.MethodDelete, level: atObject, query: "uploadId", serve: (*call).abortUpload},
	{name: "DeleteObject", method: http.MethodDelete, level: atObject, arguments: []string{"versionId"}, serve: (*call).deleteObject},
	{name: "CreateMultipartUpload", method: http.MethodPost, level: atObject, query: "uploads", serve: (*call).createUpload},
	{name: "CompleteMultipartUpload", method: http.MethodPost, level: atObject, query: "uploadId", document: true, serve: (*call).completeUpload},
}

// Operations returns the names of the operations that are served, for log and metrics.
func Operations() []string {
	names := make([]string, len(operations))
	for i, op := range operations {
		names[i] = op.name
	}
	return names
}

// subresources turn a request into another one. A request with one that we do not
// serve must not be taken for the request without it: PUT ?acl is no PutObject.
var subresources = []string{
	"abac", "accelerate", "acl", "analytics", "annotation", "append", "attributes", "cors", "delete", "encryption", "intelligent-tiering",
	"inventory", "legal-hold", "lifecycle", "list-type", "location", "logging", "metadataAnnotationTable", "metadataConfiguration",
	"metadataInventoryTable", "metadataJournalTable", "metadataTable", "metrics", "notification", "object-lock", "ownershipControls", "policy", "policyStatus",
	"publicAccessBlock", "renameObject", "replication", "requestPayment", "restore", "retention", "select", "session",
	"tagging", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website",
}

// unserved are headers that ask for what the caller would miss badly if it were left
// out in silence.
var unserved = []string{
	"X-Amz-Server-Side-Encryption-Customer-Algorithm", "X-Amz-Server-Side-Encryption-Customer-Key", "X-Amz-Server-Side-Encryption-Customer-Key-Md5",
	copySource + "-Server-Side-Encryption-Customer-Algorithm", copySource + "-Server-Side-Encryption-Customer-Key", copySource + "-Server-Side-Encryption-Customer-Key-Md5",
	"X-Amz-Object-Lock-Mode", "X-Amz-Object-Lock-Retain-Until-Date", "X-Amz-Object-Lock-Legal-Hold",
	"X-Amz-Object-Lock-Event-Hold", "X-Amz-Object-Lock-Event-Hold-Duration-Days", "X-Amz-Object-Lock-Event-Hold-Duration-Years",
	"X-Amz-Write-Offset-Bytes", "X-Amz-Rename-Source",
	"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", "X-Amz-Server-Side-Encryption-Context",
	"X-Amz-Website-Redirect-Location",
}

// operation returns what c asks for. With an error it returns an operation that has a
// name only, for the log.
func (c *call) operation() (*operation, error) {
	var found *operation
	known := false
	for _, op := range operations {
		if op.method != c.r.Method || op.level != c.level {
			continue
		}
		known = true
		_, given := c.r.Header[op.header] // an empty one, too: it must not make a PutObject of a copy
		if (op.header == "" || given) && op.asked(c.q) {
			found = op
			break
		}
	}
	switch {
	case found == nil && (known || slices.ContainsFunc(subresources, c.q.Has)):
		return &operation{name: c.unservedName()}, failure{"NotImplemented", http.StatusNotImplemented, "This operation is not implemented."}
	case found == nil:
		return &operation{name: "Unknown"}, failure{"MethodNotAllowed", http.StatusMethodNotAllowed, "The specified method is not allowed against this resource."}
	}
	for _, name := range unserved {
		if strings.Join(c.r.Header[name], "") != "" {
			return found, failure{"NotImplemented", http.StatusNotImplemented, "A header you provided implies functionality that is not implemented: " + name}
		}
	}
	return found, nil
}

// asked reports whether q asks for op, and for nothing besides.
func (op *operation) asked(q url.Values) bool {
	if op.query != "" && (!q.Has(op.query) || op.value != "" && q.Get(op.query) != op.value) {
		return false
	}
	return !slices.ContainsFunc(subresources, func(s string) bool {
		return s != op.query && q.Has(s) && !(s == "versionId" && q.Get(s) == "null")
	})
}
