package s3object_test

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object/s3object"
)

// environment returns a Getenv that knows the pairs alone.
func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestRefusedURLs(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"":                                  "not of the form",
		"work":                              "not of the form",
		"https://work":                      "not of the form",
		"s3://work/key":                     "not of the form",
		"s3://user:password@work":           "not of the form",
		"s3://":                             "no valid name of a bucket",
		"s3://w":                            "no valid name of a bucket",
		"s3://work?bucket=b":                "a parameter bucket that is not one of",
		"s3://work?region=a&region=b":       "more than once",
		"s3://work?region=EU_X":             "region of the objects",
		"s3://work?region=eu%20west":        "region of the objects",
		"s3://work?endpoint=localhost:9000": "endpoint of the objects",
		"s3://work?endpoint=ftp://h":        "endpoint of the objects",
		"s3://work?endpoint=http://k:s@h":   "endpoint of the objects",
		"s3://work?public-endpoint=h":       "public-endpoint of the objects",
		"s3://work?path-style=maybe":        "path-style of the objects is not one of true, false",
		"s3://work?prefix=/a":               "no start of a key",
		"s3://work?prefix=a/../b":           "no start of a key",
		"s3://work?a=%zz":                   "cannot be read",
	} {
		_, err := s3object.Open(t.Context(), url, s3object.Options{Getenv: environment()})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): %v, want Invalid, %q", url, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "password") {
			t.Errorf("Open(%q) tells a password: %v", url, err)
		}
	}
}

// What is wrong with the work bucket is said at the start, in a sentence.
func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	address := endpoint(t)
	answering := func(method, region string, status int, code string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == method {
				if region != "" {
					w.Header().Set("X-Amz-Bucket-Region", region)
				}
				refuse(w, status, code)
			} else {
				w.Header().Set("ETag", `"etag"`)
			}
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	page := func(status int) string { // of a server that is no S3
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<html></html>")
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	refusing := func(code string, status int, header ...string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			refuse(w, status, code)
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	making := func(code string, status int) string { // has no bucket
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPut {
				refuse(w, http.StatusNotFound, "NoSuchBucket")
				return
			}
			refuse(w, status, code)
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(secure.Close)
	keyless := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(keyless, []byte("[default]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	signed := s3object.Options{Credentials: keys, Pause: time.Millisecond}
	for name, c := range map[string]struct {
		address string
		options s3object.Options
		kind    fault.Kind
		want    string
	}{
		"no credentials": {address, s3object.Options{Getenv: environment("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")}, fault.Invalid, "no credentials for S3"},
		"a wrong secret": {
			address,
			s3object.Options{Credentials: credentials.NewStaticCredentialsProvider(foreignKey, "wrong", "")},
			fault.Denied, "cannot be looked at (s3:ListBucket): the secret is not the one of the access key",
		},
		"an unknown key": {
			address,
			s3object.Options{Credentials: credentials.NewStaticCredentialsProvider("AKIAUNKNOWNUNKNOWN00", "wrong", "")},
			fault.Denied, "the access key is unknown there",
		},
		"another's bucket":            {refusing("AccessDenied", 403), signed, fault.Denied, "or the bucket is another account's"},
		"a suspended user":            {refusing("UserSuspended", 403), signed, fault.Denied, "the user of the access key is suspended"},
		"a wrong clock":               {refusing("RequestTimeTooSkewed", 403, "Date", time.Now().Add(20*time.Minute).UTC().Format(http.TimeFormat)), signed, fault.Denied, "the clocks of this machine and of the S3 differ by"},
		"a token":                     {refusing("ExpiredToken", 400), signed, fault.Denied, "the session token has expired"},
		"a bad bucket name":           {refusing("InvalidBucketName", 400), signed, fault.Invalid, "does not take this name"},
		"a bad region":                {refusing("AuthorizationHeaderMalformed", 400), signed, fault.Invalid, "does not take the region us-east-1"},
		"no such region":              {making("InvalidLocationConstraint", 400), signed, fault.Invalid, "does not know the region us-east-1"},
		"a name in use":               {making("BucketAlreadyExists", 409), signed, fault.Denied, "the name is taken"},
		"no S3":                       {making("", 405), signed, fault.Invalid, "refuses it with 405"},
		"a web server":                {page(200), signed, fault.Invalid, "not as an S3 does"},
		"a web server that redirects": {page(302), signed, fault.Invalid, "redirects it with 302"},
		"another protocol":            {"http://" + greets(t, "SSH-2.0-OpenSSH_9.9\r\n"), signed, fault.Invalid, "does not speak HTTP"},
		"another protocol, with TLS":  {"https://" + greets(t, "SSH-2.0-OpenSSH_9.9\r\n"), signed, fault.Invalid, "does not speak TLS"},
		"not TLS":                     {strings.Replace(address, "http:", "https:", 1), signed, fault.Invalid, "does not speak TLS"},
		"not plain HTTP":              {strings.Replace(secure.URL, "https:", "http:", 1), signed, fault.Invalid, "refuses it with 400"},
		"a certificate":               {secure.URL, signed, fault.Invalid, "the certificate of the endpoint is not accepted"},
		"no keys in the file":         {address, s3object.Options{Getenv: environment("AWS_SHARED_CREDENTIALS_FILE", keyless)}, fault.Invalid, keyless + " has no access key"},
		"a file that is not readable": {address, s3object.Options{Getenv: environment("AWS_SHARED_CREDENTIALS_FILE", t.TempDir())}, fault.Invalid, "cannot be read"},

		"nobody listens":                  {"http://127.0.0.1:1", s3object.Options{Credentials: keys, Pause: time.Millisecond}, fault.Unavailable, "connection refused"},
		"another region":                  {answering("HEAD", "eu-west-3", 301, "PermanentRedirect"), s3object.Options{Credentials: keys}, fault.Invalid, "say region=eu-west-3"},
		"no bucket, and none may be made": {closed(t), s3object.Options{Credentials: keys}, fault.Denied, "does not exist, and cannot be made"},
		"read only":                       {answering("PUT", "", 403, "AccessDenied"), s3object.Options{Credentials: keys}, fault.Denied, "cannot be written to (s3:PutObject): the credentials do not allow it, or the bucket is another account's (AccessDenied)"},
		"no delete":                       {answering("DELETE", "", 403, "AccessDenied"), s3object.Options{Credentials: keys}, fault.Denied, "cannot be deleted from"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := s3object.Open(t.Context(), "s3://work-of-tests?endpoint="+c.address, c.options)
			if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open: %v, want %v, %q", err, c.kind, c.want)
			}
		})
	}
}

// greets returns the address of a server that sends the same text on every connection.
func greets(t *testing.T, substrings string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				_, _ = io.WriteString(c, substrings)
				_, _ = c.Read(make([]byte, 4096)) // or closing would take the words back
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return l.Addr().String()
}

// Nodes that start at once try the same key, and each may find it deleted by another.
func TestOpenBesideAnotherNode(t *testing.T) {
	t.Parallel()
	for code, ok := range map[string]bool{"NoSuchKey": true, "NoSuchBucket": false} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodDelete {
				refuse(w, http.StatusNotFound, code)
				return
			}
			w.Header().Set("ETag", `"etag"`)
		}))
		t.Cleanup(server.Close)
		_, err := s3object.Open(t.Context(), "s3://work-of-tests?endpoint="+server.URL, s3object.Options{Credentials: keys})
		if (err == nil) != ok {
			t.Errorf("Open where a delete is answered %s: %v, want success %t", code, err, ok)
		}
	}
}

// closed is an S3 without a bucket, in which none may be made.
func closed(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			refuse(w, http.StatusNotFound, "NoSuchBucket")
			return
		}
		refuse(w, http.StatusForbidden, "AccessDenied")
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// Many nodes that start at once make one bucket, and leave nothing in it.
func TestOpenMakesTheBucket(t *testing.T) {
	t.Parallel()
	r := newRig(t, endpoint(t))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := s3object.Open(t.Context(), "s3://"+r.bucket+"?endpoint="+r.address, s3object.Options{Credentials: keys}); err != nil {
				t.Errorf("Open: %v", err)
			}
		})
	}
	wg.Wait()
	if objects, _ := r.keys(); len(objects) > 0 {
		t.Errorf("opening left %q behind", objects)
	}
}

// The URL decides how the S3 is asked; what it leaves open, the environment.
func TestRequestsAreAsTheURLSays(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"endpoint=http://s3.test:9000":                  "s3.test:9000/work us-east-1",
		"endpoint=http://s3.test:9000/&region=eu-1":     "s3.test:9000/work eu-1",
		"endpoint=http://s3.test:9000&path-style=false": "work.s3.test:9000/ us-east-1",
		"endpoint=https://s3.test/base&path-style=1":    "s3.test/base/work us-east-1",
		"region=eu-west-1":                              "work.s3.eu-west-1.amazonaws.com/ eu-west-1",
		"region=eu-west-1&path-style=true":              "s3.eu-west-1.amazonaws.com/work eu-west-1",
		"env":                                           "work.s3.ap-south-1.amazonaws.com/ ap-south-1",
	} {
		getenv := environment()
		if query == "env" {
			query, getenv = "", environment("AWS_DEFAULT_REGION", "ap-south-1")
		}
		spy := &spy{}
		_, err := s3object.Open(t.Context(), "s3://work?"+query, s3object.Options{Credentials: keys, HTTPClient: spy, Getenv: getenv})
		if err == nil || spy.first != want {
			t.Errorf("with %q the first request goes to %s, want %s (%v)", query, spy.first, want, err)
		}
	}
}

// spy tells where the first request went, and answers none.
type spy struct{ first string }

// Do implements s3.HTTPClient.
func (s *spy) Do(r *http.Request) (*http.Response, error) {
	if s.first == "" {
		scope := strings.Split(r.Header.Get("Authorization"), "/")
		s.first = r.URL.Host + r.URL.Path + " " + scope[2]
	}
	w := httptest.NewRecorder()
	w.WriteHeader(http.StatusForbidden)
	return w.Result(), nil
}

// Credentials come from the environment, or else from a file, which is read again.
func TestCredentials(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "credentials")
	text := "# a comment\n[other]\naws_access_key_id = " + foreignKey + "\naws_secret_access_key = y\n\n[default]\n; more\nAWS_ACCESS_KEY_ID=" +
		foreignKey + "\naws_secret_access_key = " + foreignSecret + "\nregion = nowhere\n[empty]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatalf("write the credentials: %v", err)
	}
	address := endpoint(t)
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"environment":            {[]string{"AWS_ACCESS_KEY_ID", foreignKey, "AWS_SECRET_ACCESS_KEY", foreignSecret}, ""},
		"environment over file":  {[]string{"AWS_ACCESS_KEY_ID", foreignKey, "AWS_SECRET_ACCESS_KEY", "y", "AWS_SHARED_CREDENTIALS_FILE", file}, "the secret is not"},
		"file":                   {[]string{"AWS_SHARED_CREDENTIALS_FILE", file}, ""},
		"half an environment":    {[]string{"AWS_ACCESS_KEY_ID", "x", "AWS_SHARED_CREDENTIALS_FILE", file}, ""},
		"another profile":        {[]string{"AWS_SHARED_CREDENTIALS_FILE", file, "AWS_PROFILE", "other"}, "the secret is not"},
		"an empty profile":       {[]string{"AWS_SHARED_CREDENTIALS_FILE", file, "AWS_PROFILE", "empty"}, "for the profile empty"},
		"a profile that is none": {[]string{"AWS_SHARED_CREDENTIALS_FILE", file, "AWS_PROFILE", "none"}, "for the profile none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, address)
			_, err := s3object.Open(t.Context(), "s3://"+r.bucket+"?endpoint="+address, s3object.Options{Getenv: environment(c.env...)})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("Open: %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), foreignSecret) {
				t.Errorf("Open tells a secret: %v", err)
			}
		})
	}
}
