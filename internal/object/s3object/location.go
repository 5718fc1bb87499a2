package s3object

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
)

// location is what a URL says, see Open.
type location struct {
	bucket    string
	prefix    string // empty, or with a slash at its end
	region    string
	endpoint  string // empty is AWS
	public    string // the endpoint of links; empty is the same
	pathStyle bool
}

// CheckURL reports what is wrong with a URL for Open, without its value: it may have a
// secret in the wrong place.
func CheckURL(text string, getenv func(string) string) error {
	_, err := parse(text, getenv)
	return err
}

// parse reads a URL as Open describes it.
func parse(text string, getenv func(string) string) (location, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "s3" || u.User != nil || u.Fragment != "" || (u.Path != "" && u.Path != "/") {
		return location{}, fault.New(fault.Invalid, "the URL of the objects is not of the form s3://BUCKET?endpoint=URL&region=R&path-style=true&prefix=P")
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return location{}, fault.New(fault.Invalid, "the URL of the objects has a query that cannot be read: in values write %% as %%25, & as %%26 and + as %%2B")
	}
	for name, v := range values {
		if !slices.Contains([]string{"endpoint", "public-endpoint", "region", "path-style", "prefix"}, name) {
			return location{}, fault.New(fault.Invalid, "the URL of the objects has a parameter%s that is not one of endpoint, public-endpoint, region, path-style, prefix", parameterName(name))
		}
		if len(v) > 1 {
			return location{}, fault.New(fault.Invalid, "the URL of the objects has %q more than once", name)
		}
	}
	p := location{bucket: u.Host, region: values.Get("region"), prefix: values.Get("prefix")}
	if checkBucket(p.bucket) != nil {
		return location{}, fault.New(fault.Invalid, "the URL of the objects has no valid name of a bucket behind s3://")
	}
	if p.endpoint, err = endpoint(values, "endpoint"); err != nil {
		return location{}, err
	}
	if p.public, err = endpoint(values, "public-endpoint"); err != nil {
		return location{}, err
	}
	p.pathStyle = p.endpoint != ""
	if style := values.Get("path-style"); style != "" {
		if p.pathStyle, err = strconv.ParseBool(style); err != nil {
			return location{}, fault.New(fault.Invalid, "path-style of the objects is not one of true, false")
		}
	}
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if p.region == "" {
			p.region = getenv(name)
		}
	}
	if p.region == "" {
		p.region = "us-east-1" // what every S3 but AWS's takes, if it looks at all
	}
	if !smithyhttp.ValidHostLabel(p.region) { // the SDK would refuse each call
		return location{}, fault.New(fault.Invalid, "region of the objects has something other than letters, digits and hyphens")
	}
	if p.prefix != "" {
		p.prefix = strings.TrimSuffix(p.prefix, "/") + "/"
		if strings.HasPrefix(p.prefix, "/") || checkKey(p.prefix) != nil {
			return location{}, fault.New(fault.Invalid, "prefix of the objects is no start of a key")
		}
	}
	return p, nil
}

// parameterName returns the name of a parameter for an error, unless it can be anything else.
func parameterName(name string) string {
	if len(name) > 20 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz-_") != "" {
		return ""
	}
	return " " + name
}

// endpoint returns the value of that name, which has a scheme and a host and nothing else.
func endpoint(values url.Values, name string) (string, error) {
	text := values.Get(name)
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fault.New(fault.Invalid, "%s of the objects is not of the form https://HOST:PORT", name)
	}
	return strings.TrimSuffix(text, "/"), nil
}

// bucketName is what S3 has ever allowed, as it is part of hosts and paths.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
var bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$`)

func checkBucket(name string) error {
	if !bucketName.MatchString(name) || strings.Contains(name, "..") {
		return fault.New(fault.Invalid, "%q is no name of a bucket", name)
	}
	return nil
}

// maxKey is S3's limit on a key, in bytes.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
const maxKey = 1024

func checkKey(key string) error {
	switch {
	case key == "":
		return fault.New(fault.Invalid, "a key is never empty")
	case len(key) > maxKey:
		return fault.New(fault.Invalid, "a key has at most %d bytes", maxKey)
	case !utf8.ValidString(key) || strings.ContainsRune(key, 0):
		return fault.New(fault.Invalid, "a key is valid UTF-8 without a zero byte")
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "." || segment == ".." {
			return fault.New(fault.Invalid, "a key has no . or .. between slashes")
		}
	}
	return nil
}

// at is where an object is.
type at struct {
	name        object.Name
	bucket, key string
	work        bool // in the work bucket
}

// find returns where n is.
func (p location) find(n object.Name) (at, error) {
	a := at{name: n, bucket: n.Bucket, key: n.Key, work: n.Bucket == p.bucket}
	if a.work {
		if n.Account == "" || strings.ContainsRune(n.Account, '/') {
			return at{}, fault.New(fault.Invalid, "an account has a name without a slash")
		}
		if n.Key == "" { // or the account's folder would pass for its object
			return at{}, checkKey(n.Key)
		}
		a.key = p.prefix + n.Account + "/" + n.Key
	} else if err := checkBucket(n.Bucket); err != nil {
		return at{}, err
	}
	return a, checkKey(a.key)
}

// own is find for what is to be written, which is in the work bucket.
func (p location) own(n object.Name) (at, error) {
	a, err := p.find(n)
	if err == nil && !a.work {
		err = fault.New(fault.Denied, "the bucket %s is only read from", n.Bucket)
	}
	return a, err
}
