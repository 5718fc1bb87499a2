// Package arch keeps the shape of the tree, as tests: who may import whom, what a
// package must say of itself, how long a file may grow, and which modules the
// product depends on. It holds no code that runs.
//
// The table of imports is the one of the contributors' guide. A new word in it is
// a design decision, and needs a page in docs/decisions.
package arch

// imports says which other words the packages of a word may import. The word of
// internal/store/pebblestore is store. Within a word everything may be imported,
// but for what strangers forbids. node puts the parts together, and so knows them all,
// as do cmd, conformance and sluicetest, which are not under internal.
var imports = map[string][]string{
	"node":        {"report", "gateway", "wire", "api", "service", "limits", "engine", "maintenance", "store", "job", "record", "destination", "object", "pebbledb", "sigv4", "diskspace", "guard", "backoff", "fault"},
	"gateway":     {"sigv4", "caller", "api", "wire", "job", "object", "diskspace", "guard", "fault"},
	"wire":        {"caller", "fault"},
	"api":         {"wire", "fault"},
	"service":     {"report", "search", "api", "caller", "limits", "job", "record", "destination", "object", "store", "fault"},
	"engine":      {"report", "job", "record", "destination", "object", "store", "guard", "redact", "backoff", "fault"},
	"maintenance": {"report", "job", "object", "store", "guard", "redact", "fault"},
	"store":       {"job", "record", "pebbledb", "diskspace", "backoff", "fault", "testenv"},
	"report":      {"record", "job", "object", "fault"},
	"limits":      {"job", "destination"},
	"job":         {"record", "fault"},
	"destination": {"job", "record", "fault"},
	"record":      {"fault"},
	"search":      {"fault"},
	"backup":      {"object", "fault", "testenv"},
	"object":      {"pebbledb", "diskspace", "guard", "backoff", "fault", "testenv"},
	"diskspace":   {"fault"},
	"pebbledb":    {"testenv"},
	"sigv4":       {"fault"},
	"caller":      {},
	"backoff":     {},
	"guard":       {},
	"redact":      {},
	"fault":       {},
	"testenv":     {}, // of tests and what supports them, see testSupport
	"check":       {"report", "store", "object", "pebbledb", "destination", "job"},
	"gotest":      {},
	"differences": {}, // docs/differences as data; of tests
	"arch":        {},
}

// testImports says what packages that support tests, whose names end in test, may import
// besides.
var testImports = map[string][]string{
	"service": {"wire"},
}

// strangers are the words whose sub-packages never know of each other: backends of
// one contract, and services.
var strangers = map[string]bool{"store": true, "object": true, "service": true}

// official is the one package of the product that AWS's own client is for: it wraps
// an S3 that is not ours. Everywhere else official clients are tools of tests.
const official = "internal/object/s3object"

// testSupport is imported by tests, and by packages that support tests, whose names end
// in test. The product does without it.
const testSupport = "internal/testenv"

// banned are names that say nothing about what is inside.
var banned = map[string]bool{
	"util": true, "utils": true, "common": true, "helper": true, "helpers": true,
	"manager": true, "processor": true, "data": true, "item": true, "items": true,
}

// maxLines is how long a file may be that people write.
const maxLines = 400
