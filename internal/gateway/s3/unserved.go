package s3

// unservedName returns the name of an operation that S3 has and this endpoint has not,
// for the log and the metrics, or "Unknown". The names come from a table, so a caller
// cannot make up any.
func (c *call) unservedName() string {
	names := unservedBucket
	if c.level == atObject {
		names = unservedObject
	}
	for _, subresource := range subresources {
		if name := names[subresource][c.r.Method]; name != "" && c.q.Has(subresource) {
			if all, ok := listings[name]; ok && !c.q.Has("id") && !c.q.Has("annotationName") {
				return all
			}
			return name
		}
	}
	return "Unknown"
}

// listings are the operations that a request is if it does not say which one it wants.
var listings = map[string]string{
	"GetBucketAnalyticsConfiguration":          "ListBucketAnalyticsConfigurations",
	"GetBucketIntelligentTieringConfiguration": "ListBucketIntelligentTieringConfigurations",
	"GetBucketInventoryConfiguration":          "ListBucketInventoryConfigurations",
	"GetBucketMetricsConfiguration":            "ListBucketMetricsConfigurations",
	"GetObjectAnnotation":                      "ListObjectAnnotations",
}

// unservedBucket has the operations on a bucket by subresource and method.
var unservedBucket = map[string]map[string]string{
	"abac":                    {"GET": "GetBucketAbac", "PUT": "PutBucketAbac"},
	"accelerate":              {"GET": "GetBucketAccelerateConfiguration", "PUT": "PutBucketAccelerateConfiguration"},
	"acl":                     {"GET": "GetBucketAcl", "PUT": "PutBucketAcl"},
	"analytics":               {"DELETE": "DeleteBucketAnalyticsConfiguration", "GET": "GetBucketAnalyticsConfiguration", "PUT": "PutBucketAnalyticsConfiguration"},
	"cors":                    {"DELETE": "DeleteBucketCors", "GET": "GetBucketCors", "PUT": "PutBucketCors"},
	"encryption":              {"DELETE": "DeleteBucketEncryption", "GET": "GetBucketEncryption", "PUT": "PutBucketEncryption"},
	"intelligent-tiering":     {"DELETE": "DeleteBucketIntelligentTieringConfiguration", "GET": "GetBucketIntelligentTieringConfiguration", "PUT": "PutBucketIntelligentTieringConfiguration"},
	"inventory":               {"DELETE": "DeleteBucketInventoryConfiguration", "GET": "GetBucketInventoryConfiguration", "PUT": "PutBucketInventoryConfiguration"},
	"lifecycle":               {"DELETE": "DeleteBucketLifecycle", "GET": "GetBucketLifecycleConfiguration", "PUT": "PutBucketLifecycleConfiguration"},
	"logging":                 {"GET": "GetBucketLogging", "PUT": "PutBucketLogging"},
	"metadataAnnotationTable": {"PUT": "UpdateBucketMetadataAnnotationTableConfiguration"},
	"metadataConfiguration":   {"DELETE": "DeleteBucketMetadataConfiguration", "GET": "GetBucketMetadataConfiguration", "POST": "CreateBucketMetadataConfiguration"},
	"metadataInventoryTable":  {"PUT": "UpdateBucketMetadataInventoryTableConfiguration"},
	"metadataJournalTable":    {"PUT": "UpdateBucketMetadataJournalTableConfiguration"},
	"metadataTable":           {"DELETE": "DeleteBucketMetadataTableConfiguration", "GET": "GetBucketMetadataTableConfiguration", "POST": "CreateBucketMetadataTableConfiguration"},
	"metrics":                 {"DELETE": "DeleteBucketMetricsConfiguration", "GET": "GetBucketMetricsConfiguration", "PUT": "PutBucketMetricsConfiguration"},
	"notification":            {"GET": "GetBucketNotificationConfiguration", "PUT": "PutBucketNotificationConfiguration"},
	"object-lock":             {"GET": "GetObjectLockConfiguration", "PUT": "PutObjectLockConfiguration"},
	"ownershipControls":       {"DELETE": "DeleteBucketOwnershipControls", "GET": "GetBucketOwnershipControls", "PUT": "PutBucketOwnershipControls"},
	"policy":                  {"DELETE": "DeleteBucketPolicy", "GET": "GetBucketPolicy", "PUT": "PutBucketPolicy"},
	"policyStatus":            {"GET": "GetBucketPolicyStatus"},
	"publicAccessBlock":       {"DELETE": "DeletePublicAccessBlock", "GET": "GetPublicAccessBlock", "PUT": "PutPublicAccessBlock"},
	"replication":             {"DELETE": "DeleteBucketReplication", "GET": "GetBucketReplication", "PUT": "PutBucketReplication"},
	"requestPayment":          {"GET": "GetBucketRequestPayment", "PUT": "PutBucketRequestPayment"},
	"session":                 {"GET": "CreateSession"},
	"tagging":                 {"DELETE": "DeleteBucketTagging", "GET": "GetBucketTagging", "PUT": "PutBucketTagging"},
	"versioning":              {"GET": "GetBucketVersioning", "PUT": "PutBucketVersioning"},
	"versions":                {"GET": "ListObjectVersions"},
	"website":                 {"DELETE": "DeleteBucketWebsite", "GET": "GetBucketWebsite", "PUT": "PutBucketWebsite"},
}

// unservedObject has the operations on an object by subresource and method.
var unservedObject = map[string]map[string]string{
	"acl":          {"GET": "GetObjectAcl", "PUT": "PutObjectAcl"},
	"annotation":   {"DELETE": "DeleteObjectAnnotation", "GET": "GetObjectAnnotation", "PUT": "PutObjectAnnotation"},
	"attributes":   {"GET": "GetObjectAttributes"},
	"encryption":   {"PUT": "UpdateObjectEncryption"},
	"legal-hold":   {"GET": "GetObjectLegalHold", "PUT": "PutObjectLegalHold"},
	"renameObject": {"PUT": "RenameObject"},
	"restore":      {"POST": "RestoreObject"},
	"retention":    {"GET": "GetObjectRetention", "PUT": "PutObjectRetention"},
	"select":       {"POST": "SelectObjectContent"},
	"tagging":      {"DELETE": "DeleteObjectTagging", "GET": "GetObjectTagging", "PUT": "PutObjectTagging"},
	"torrent":      {"GET": "GetObjectTorrent"},
	"versionId":    {"DELETE": "DeleteObject", "GET": "GetObject", "HEAD": "HeadObject"},
}
