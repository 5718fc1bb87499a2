package s3

// headerRule is what becomes of a header whose value is wrong, or cannot be served. Exactly
// one of the members after value is set.
type headerRule struct {
	value      string
	status     int    // checked: the answer to it, 304 or an error, and not 501
	stored     bool   // kept with the object, and shown again
	difference string // no effect, by that entry of docs/differences
	wrong      string // with difference: a value that is refused
	refused    bool   // NotImplemented
	transport  bool   // not of S3: of HTTP, of the signature, or of the SDK's own statistics
}

const (
	somebody  = "111111111111"
	wrongETag = `"00000000000000000000000000000000"`
	past      = "Thu, 01 Jan 1970 00:00:00 GMT"
	future    = "Fri, 01 Jan 2100 00:00:00 GMT"
)

// headerRules has every header of the operations that are served. A rule for one
// operation stands under the operation's name, a blank, and the header.
var headerRules = map[string]headerRule{
	"Accept-Encoding":       {transport: true},
	"Amz-Sdk-Invocation-Id": {transport: true},
	"Amz-Sdk-Request":       {transport: true},
	"User-Agent":            {transport: true},
	"X-Amz-Content-Sha256":  {transport: true}, // TestSignatureErrors
	"X-Amz-Date":            {transport: true}, // TestSignatureErrors
	"Expect":                {value: "200-ok", status: 417},

	"Cache-Control":           {value: "no-store", stored: true},
	"Content-Disposition":     {value: "attachment", stored: true},
	"Content-Encoding":        {value: "zstd", stored: true},
	"Content-Language":        {value: "de", stored: true},
	"Content-Type":            {value: "text/x-list", stored: true},
	"Expires":                 {value: future, stored: true},
	"X-Amz-Meta-Name":         {value: "x", stored: true},
	"UploadPart Content-Type": {value: "text/x-list", difference: "D137"},

	"If-Match":                           {value: wrongETag, status: 412},
	"If-None-Match":                      {value: "*", status: 412},
	"GetObject If-None-Match":            {value: "*", status: 304},
	"HeadObject If-None-Match":           {value: "*", status: 304},
	"If-Modified-Since":                  {value: future, status: 304},
	"If-Unmodified-Since":                {value: past, status: 412},
	"X-Amz-If-Match-Initiated-Time":      {value: past, status: 412},
	"X-Amz-If-Match-Last-Modified-Time":  {value: past, status: 412},
	"X-Amz-If-Match-Size":                {value: "999", status: 412},
	"Range":                              {value: "bytes=999-", status: 416},
	copySource:                           {value: "uploads/nobody", status: 404},
	copySource + "-If-Match":             {value: wrongETag, status: 412},
	copySource + "-If-Modified-Since":    {value: future, status: 412},
	copySource + "-If-None-Match":        {value: "*", status: 412},
	copySource + "-If-Unmodified-Since":  {value: past, status: 412},
	copySource + "-Range":                {value: "bytes=0-999", status: 400},
	"X-Amz-Metadata-Directive":           {value: "x", status: 400},
	"X-Amz-Mp-Object-Size":               {value: "999", status: 400},
	"X-Amz-Expected-Bucket-Owner":        {value: somebody, status: 403},
	"X-Amz-Source-Expected-Bucket-Owner": {value: somebody, status: 403},

	"Content-Md5":                  {value: "AAAAAAAAAAAAAAAAAAAAAA==", status: 400},
	"X-Amz-Checksum-Algorithm":     {value: "ROT13", status: 400},
	"X-Amz-Checksum-Mode":          {value: "x", status: 400},
	"X-Amz-Checksum-Type":          {value: "x", status: 400},
	"X-Amz-Sdk-Checksum-Algorithm": {value: "ROT13", status: 400},
	"X-Amz-Checksum-Crc32":         {value: "AQAAAA==", status: 400},
	"X-Amz-Checksum-Crc32c":        {value: "AQAAAA==", status: 400},
	"X-Amz-Checksum-Crc64nvme":     {value: "AQAAAAAAAAA=", status: 400},
	"X-Amz-Checksum-Md5":           {value: "AAAAAAAAAAAAAAAAAAAAAA==", status: 400},
	"X-Amz-Checksum-Sha1":          {value: "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", status: 400},
	"X-Amz-Checksum-Sha256":        {value: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", status: 400},
	"X-Amz-Checksum-Sha512":        {value: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", status: 400},
	"X-Amz-Checksum-Xxhash3":       {value: "AAAAAAAAAAA=", status: 400},
	"X-Amz-Checksum-Xxhash64":      {value: "AAAAAAAAAAA=", status: 400},
	"X-Amz-Checksum-Xxhash128":     {value: "AAAAAAAAAAAAAAAAAAAAAA==", status: 400},

	"X-Amz-Acl":                                       {value: "public-read", difference: "D55", wrong: "everybody"},
	"X-Amz-Grant-Full-Control":                        {value: "id=x", difference: "D55", wrong: "x"},
	"X-Amz-Grant-Read":                                {value: "id=x", difference: "D55", wrong: "id="},
	"X-Amz-Grant-Read-Acp":                            {value: "id=x", difference: "D55", wrong: "name=x"},
	"X-Amz-Grant-Write":                               {value: "id=x", difference: "D55", wrong: "id=x,"},
	"X-Amz-Grant-Write-Acp":                           {value: "id=x", difference: "D55", wrong: "x"},
	"X-Amz-Storage-Class":                             {value: "GLACIER", difference: "D55", wrong: "COLD"},
	"X-Amz-Tagging":                                   {value: "a=b", difference: "D55", wrong: "a=b&a=c"},
	"X-Amz-Tagging-Directive":                         {value: "REPLACE", difference: "D55", wrong: "MERGE"},
	"X-Amz-Server-Side-Encryption":                    {value: "AES256", difference: "D55", wrong: "ROT13"},
	"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id":     {value: "x", refused: true},
	"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled": {value: "false", difference: "D55", wrong: "maybe"},
	"X-Amz-Server-Side-Encryption-Context":            {value: "e30=", refused: true},
	"X-Amz-Bypass-Governance-Retention":               {value: "true", difference: "D137", wrong: "maybe"},
	"X-Amz-Mfa":                                       {value: "x", difference: "D137"},
	"X-Amz-Object-Annotation-Directive":               {value: "EXCLUDE", difference: "D137", wrong: "x"},
	"X-Amz-Object-Ownership":                          {value: "ObjectWriter", difference: "D137", wrong: "Everybody"},
	"X-Amz-Optional-Object-Attributes":                {value: "RestoreStatus", difference: "D137", wrong: "x"},
	"X-Amz-Request-Payer":                             {value: "requester", difference: "D137", wrong: "x"},
	"X-Amz-Website-Redirect-Location":                 {value: "/x", refused: true},

	"X-Amz-Bucket-Namespace":                                  {value: "account-regional", refused: true},
	"X-Amz-Bucket-Object-Lock-Enabled":                        {value: "true", refused: true},
	"X-Amz-Object-Lock-Event-Hold":                            {value: "ON", refused: true},
	"X-Amz-Object-Lock-Event-Hold-Duration-Days":              {value: "1", refused: true},
	"X-Amz-Object-Lock-Event-Hold-Duration-Years":             {value: "1", refused: true},
	"X-Amz-Object-Lock-Legal-Hold":                            {value: "ON", refused: true},
	"X-Amz-Object-Lock-Mode":                                  {value: "COMPLIANCE", refused: true},
	"X-Amz-Object-Lock-Retain-Until-Date":                     {value: "2100-01-01T00:00:00Z", refused: true},
	"X-Amz-Server-Side-Encryption-Customer-Algorithm":         {value: "AES256", refused: true},
	"X-Amz-Server-Side-Encryption-Customer-Key":               {value: "x", refused: true},
	"X-Amz-Server-Side-Encryption-Customer-Key-Md5":           {value: "x", refused: true},
	copySource + "-Server-Side-Encryption-Customer-Algorithm": {value: "AES256", refused: true},
	copySource + "-Server-Side-Encryption-Customer-Key":       {value: "x", refused: true},
	copySource + "-Server-Side-Encryption-Customer-Key-Md5":   {value: "x", refused: true},
	"X-Amz-Write-Offset-Bytes":                                {value: "1", refused: true},
}
