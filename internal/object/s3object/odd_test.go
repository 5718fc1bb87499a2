package s3object_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/s3object"
)

// odd is an S3 with one object, whatever is asked for, and with habits that no S3 of the
// tests has.
type odd struct {
	text  string
	habit func(w http.ResponseWriter, r *http.Request) bool // true if it answered
	other func(w http.ResponseWriter, r *http.Request) bool // habit with requests for anything else

	silent atomic.Bool // it answers nothing

	mu   sync.Mutex
	seen []string // of requests for the object: method and what matters
}

func (o *odd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A server of net/http that answers before it has read the body resets the connection, and
	// the client may see the reset instead of the answer.
	_, _ = io.Copy(io.Discard, r.Body)
	if o.silent.Load() {
		<-r.Context().Done()
		return
	}
	w.Header().Set("ETag", `"etag"`)
	isObject := strings.HasSuffix(r.URL.Path, "/k") && (r.Method == http.MethodGet || r.Method == http.MethodHead)
	if isObject {
		o.mu.Lock()
		o.seen = append(o.seen, r.Method+" "+r.Header.Get("Range"))
		o.mu.Unlock()
		if o.habit != nil && o.habit(w, r) {
			return
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(o.text))
		return
	}
	if o.other != nil {
		o.other(w, r)
	}
}

func (o *odd) asked() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen
}

// refuse answers with an error of S3.
func refuse(w http.ResponseWriter, status int, code string) bool {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
	return true
}

func (o *odd) open(t *testing.T, options s3object.Options) *s3object.Store {
	t.Helper()
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	r := newRig(t, server.URL)
	r.bucket = "work"
	options.HTTPClient = fresh(t)
	return r.open(options)
}

var (
	workName   = object.Name{Account: account, Bucket: "work", Key: "k"}
	sourceName = object.Name{Account: account, Bucket: "source", Key: "k"}
)

// A server that ignores conditions and ranges of a request is detected, and nothing is read from it.
func TestServersThatIgnoreHeaders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		habit   func(w http.ResponseWriter, r *http.Request) bool
		version string
		want    string
	}{
		"no ranges": {func(_ http.ResponseWriter, r *http.Request) bool { r.Header.Del("Range"); return false }, "etag", "from 4 on"},
		"no If-Match": {func(w http.ResponseWriter, r *http.Request) bool {
			r.Header.Del("If-Match")
			return false
		}, "former", "has changed"},
		"no ETag": {func(w http.ResponseWriter, _ *http.Request) bool { w.Header().Del("ETag"); return false }, "", "from 4 on"},
		"another range": {func(_ http.ResponseWriter, r *http.Request) bool {
			r.Header.Set("Range", "bytes=2-")
			return false
		}, "etag", "from 4 on"},
		"a range that is none": {func(w http.ResponseWriter, r *http.Request) bool {
			return refuse(w, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
		}, "etag", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := (&odd{text: "0123456789", habit: c.habit}).open(t, s3object.Options{RetryTimeout: time.Second})
			_, err := s.Open(t.Context(), workName, c.version, 4)
			if c.want == "" {
				if err == nil {
					t.Error("Open: no error")
				}
			} else if !fault.Is(err, fault.Broken) || !strings.Contains(fault.Message(err), c.want) {
				t.Errorf("Open: %v, want Broken, %q", err, c.want)
			}
		})
	}
}

// What a refusal means: the server's own trouble passes, a closed source ends a job.
func TestD162_RefusedSources(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		code   string
		name   object.Name
		want   fault.Kind
	}{
		{403, "AccessDenied", sourceName, fault.Denied},
		{403, "AccessDenied", workName, fault.Unavailable},
		{403, "ExpiredToken", sourceName, fault.Unavailable},
		{403, "InvalidAccessKeyId", sourceName, fault.Unavailable},
		{403, "UserSuspended", sourceName, fault.Unavailable},
		{403, "SignatureDoesNotMatch", sourceName, fault.Unavailable},
		{403, "RequestTimeTooSkewed", sourceName, fault.Unavailable},
		{503, "SlowDown", sourceName, fault.Unavailable},
		{500, "InternalError", sourceName, fault.Unavailable},
		{507, "InsufficientStorage", workName, fault.StorageFull},
		{403, "QuotaExceeded", workName, fault.StorageFull},
		{404, "NoSuchKey", sourceName, fault.NotFound},
		{404, "NoSuchBucket", sourceName, fault.NotFound},
		{405, "MethodNotAllowed", sourceName, fault.Broken},
		{400, "InvalidRequest", sourceName, fault.Broken}, // SSE-C
		{400, "KMS.DisabledException", sourceName, fault.Broken},
		{400, "KMS.DisabledException", workName, fault.Broken},
		{403, "InvalidObjectState", sourceName, fault.Broken},
		{403, "InvalidObjectState", workName, fault.Broken},
		{501, "NotImplemented", sourceName, fault.Internal},
	} {
		t.Run(fmt.Sprint(c.status, c.code, " in ", c.name.Bucket), func(t *testing.T) {
			t.Parallel()
			s := (&odd{habit: func(w http.ResponseWriter, _ *http.Request) bool { return refuse(w, c.status, c.code) }}).
				open(t, s3object.Options{RetryTimeout: 100 * time.Millisecond})
			_, statErr := s.Stat(t.Context(), c.name)
			_, openErr := s.Open(t.Context(), c.name, "", 0)
			for what, err := range map[string]error{"Stat": statErr, "Open": openErr} {
				if err == nil || fault.KindOf(err) != c.want {
					t.Errorf("%s: %v, want kind %v", what, err, c.want)
				}
			}
		})
	}
}

// A server that is overloaded for a while only delays.
func TestOverloaded(t *testing.T) {
	t.Parallel()
	o := &odd{text: strings.Repeat("0123456789", 1000)}
	o.habit = func(w http.ResponseWriter, _ *http.Request) bool {
		return len(o.asked())%4 != 0 && refuse(w, http.StatusServiceUnavailable, "SlowDown")
	}
	s := o.open(t, s3object.Options{})
	got, err := read(t.Context(), s, workName, "", 0)
	if err != nil || string(got) != o.text {
		t.Errorf("read %d bytes, %v; want %d", len(got), err, len(o.text))
	}
}

// TestSilentReconnect: a reading that lost its connection gives up in time, though the next
// one is silent.
func TestSilentReconnect(t *testing.T) {
	t.Parallel()
	o := &odd{text: strings.Repeat("0123456789", 1000)}
	o.habit = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet {
			return false
		}
		if r.Header.Get("Range") != "" {
			<-r.Context().Done()
			return true
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(o.text)))
		_, _ = io.WriteString(w, o.text[:5000])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	s := o.open(t, s3object.Options{IdleTimeout: time.Hour, RetryTimeout: 100 * time.Millisecond})
	got, err := read(t.Context(), s, workName, "", 0)
	if !fault.Is(err, fault.Unavailable) || !strings.HasPrefix(o.text, string(got)) {
		t.Errorf("read %d bytes, %v; want Unavailable", len(got), err)
	}
}

// TestSilentServer: a server that takes connections and answers nothing is not waited for for long.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	o := &odd{text: "0123456789"}
	s := o.open(t, s3object.Options{IdleTimeout: 100 * time.Millisecond, RetryTimeout: 100 * time.Millisecond})
	o.silent.Store(true)
	for name, call := range map[string]func() error{
		"Stat": func() error { _, err := s.Stat(t.Context(), workName); return err },
		"Hold": func() error { _, err := s.Hold(t.Context(), sourceName, "job"); return err },
		"Open": func() error { _, err := s.Open(t.Context(), sourceName, "", 0); return err },
		"Put":  func() error { _, err := s.Put(t.Context(), workName, "", strings.NewReader("text")); return err },
		"Put, in parts": func() error {
			_, err := s.Put(t.Context(), workName, "", bytes.NewReader(make([]byte, 9<<20)))
			return err
		},
		"Delete": func() error { return s.Delete(t.Context(), workName) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := call(); !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s: %v, want Unavailable", name, err)
			}
		})
	}
}

// TestSilentComplete: to make an object of many parts may take its time, but not all of it.
func TestSilentComplete(t *testing.T) {
	t.Parallel()
	o := &odd{other: func(w http.ResponseWriter, r *http.Request) bool {
		switch q := r.URL.Query(); {
		case r.Method == http.MethodPost && q.Has("uploads"):
			_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
		case r.Method == http.MethodPost:
			<-r.Context().Done()
		}
		return true
	}}
	s := o.open(t, s3object.Options{IdleTimeout: 100 * time.Millisecond, RetryTimeout: 100 * time.Millisecond})
	_, err := s.Put(t.Context(), workName, "", bytes.NewReader(make([]byte, 9<<20)))
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "CompleteMultipartUpload") {
		t.Errorf("Put: %v, want Unavailable, from CompleteMultipartUpload", err)
	}
}

// TestFirstByteTimeout: who has the patience reads what is slow to begin.
func TestFirstByteTimeout(t *testing.T) {
	t.Parallel()
	o := &odd{text: "0123456789", habit: func(_ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-time.After(500 * time.Millisecond):
			return false
		case <-r.Context().Done():
			return true
		}
	}}
	s := o.open(t, s3object.Options{IdleTimeout: 50 * time.Millisecond, RetryTimeout: 50 * time.Millisecond})
	if _, err := read(t.Context(), s, sourceName, "", 0); !fault.Is(err, fault.Unavailable) {
		t.Errorf("read without patience: %v, want Unavailable", err)
	}
	if got, err := read(object.WithFirstByteTimeout(t.Context(), time.Minute), s, sourceName, "", 0); err != nil || string(got) != o.text {
		t.Errorf("read with patience: %q, %v; want %q", got, err, o.text)
	}
}

// Credentials that may not name versions read by ETag alone.
func TestVersionsMayNotBeNamed(t *testing.T) {
	t.Parallel()
	o := &odd{text: "0123456789", habit: func(w http.ResponseWriter, r *http.Request) bool {
		return r.URL.Query().Has("versionId") && refuse(w, http.StatusForbidden, "AccessDenied")
	}}
	s := o.open(t, s3object.Options{})
	if got, err := read(t.Context(), s, sourceName, "etag@id", 5); err != nil || string(got) != "56789" {
		t.Errorf("read from 5: %q, %v; want 56789", got, err)
	}
	if _, err := s.Open(t.Context(), sourceName, "former@id", 5); !fault.Is(err, fault.Broken) {
		t.Errorf("Open of a former version: %v, want Broken", err)
	}
}

// A source in another region is asked for there, once that is known.
func TestSourceElsewhere(t *testing.T) {
	t.Parallel()
	o := &odd{text: "0123456789", habit: func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.Header.Get("Authorization"), "/eu-central-1/") {
			return false
		}
		w.Header().Set("X-Amz-Bucket-Region", "eu-central-1")
		return refuse(w, http.StatusMovedPermanently, "PermanentRedirect")
	}}
	s := o.open(t, s3object.Options{})
	for range 2 {
		info, err := s.Stat(t.Context(), sourceName)
		if err != nil || info.Size != 10 {
			t.Errorf("Stat = %+v, %v, want 10 bytes", info, err)
		}
	}
	got, err := read(t.Context(), s, sourceName, "etag", 8)
	if err != nil || string(got) != "89" {
		t.Errorf("read from 8: %q, %v; want 89", got, err)
	}
	if n := len(o.asked()); n != 4 {
		t.Errorf("requests %q, want one to the wrong region and three to the right one", o.asked())
	}
}

// What S3 keeps as gzip is read as gzip, or offsets would mean nothing.
func TestContentEncodingIsLeftAlone(t *testing.T) {
	t.Parallel()
	o := &odd{text: "\x1f\x8bnot really", habit: func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", "12")
		return false
	}}
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	r := newRig(t, server.URL)
	r.bucket = "work"
	s := r.open(s3object.Options{}) // with the HTTP client of the package
	got, err := read(t.Context(), s, workName, "", 0)
	if err != nil || !bytes.Equal(got, []byte(o.text)) {
		t.Errorf("read %q, %v; want %q", got, err, o.text)
	}
}
