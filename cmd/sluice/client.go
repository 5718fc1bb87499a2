package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sluicehq/sluice/internal/backoff"
	"github.com/sluicehq/sluice/internal/sigv4"
)

// client calls an endpoint that speaks the import-job APIs.
type client struct {
	endpoint string
	s3       string // where S3 is, if not there
	keys     sigv4.Credentials
	region   string
	token    string // of a session, with temporary keys of AWS
	http     *http.Client
	// locate finds out where the server is now; nil if the environment says where.
	locate func() (endpoint, error)
	// reconnect repeats calls while the server is away; nil makes every call once.
	reconnect *reconnector
	// options are what a command line needs to name the same server, with a blank before.
	options string
	hint    string // for who finds that no server listens there
}

// api is one of the APIs that the client calls.
type api struct {
	signing string // the name that requests are signed for
	target  string // of X-Amz-Target, for the APIs that have it
}

var (
	mailManagerAPI = api{signing: "ses", target: "MailManagerSvc"}
	sesAPI         = api{signing: "ses"}
	wisdomAPI      = api{signing: "wisdom"}
	s3API          = api{signing: "s3"}
	ownAPI         = api{signing: "sluice"}
)

// refusal is an error that the endpoint answered with.
type refusal struct {
	Status     int
	Code       string
	Message    string
	RetryAfter time.Duration // 0 if it does not say
}

func (r *refusal) Error() string {
	if r.Message == "" {
		return fmt.Sprintf("the server answered %s (%d)", cmp.Or(r.Code, http.StatusText(r.Status)), r.Status)
	}
	return fmt.Sprintf("%s (%s)", r.Message, cmp.Or(r.Code, http.StatusText(r.Status)))
}

// isAPIError reports whether err is the endpoint's refusal with one of the codes.
func isAPIError(err error, codes ...string) bool {
	var r *refusal
	if !errors.As(err, &r) {
		return false
	}
	for _, code := range codes {
		if r.Code == code {
			return true
		}
	}
	return false
}

// base returns where an API is.
func (c *client) base(a api) string {
	if a == s3API && c.s3 != "" {
		return strings.TrimRight(c.s3, "/")
	}
	return strings.TrimRight(c.endpoint, "/")
}

// callTarget calls an operation of an awsJson1_0 API.
func (c *client) callTarget(ctx context.Context, a api, operation string, in, out any) error {
	header := http.Header{
		"X-Amz-Target": {a.target + "." + operation},
		"Content-Type": {"application/x-amz-json-1.0"},
	}
	return c.call(ctx, a, http.MethodPost, "/", header, in, out)
}

// rest calls an operation of a restJson1 API; a nil in sends no body.
func (c *client) rest(ctx context.Context, a api, method, path string, in, out any) error {
	header := http.Header{}
	if in != nil {
		header.Set("Content-Type", "application/json")
	}
	return c.call(ctx, a, method, path, header, in, out)
}

func (c *client) call(ctx context.Context, a api, method, path string, header http.Header, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	return c.retrying(ctx, func(ctx context.Context) error {
		if c.reconnect != nil {
			bounded, cancel := context.WithTimeoutCause(ctx, askTime, errSlow)
			defer cancel()
			ctx = bounded
		}
		resp, err := patiently(ctx, func() (*http.Response, error) {
			return c.send(ctx, a, method, path, header, bytes.NewReader(body), int64(len(body)), sigv4.HashPayload(body))
		})
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if out == nil {
			return nil
		}
		if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
			return fmt.Errorf("read the answer to %s %s: %w", method, path, err)
		}
		return nil
	})
}

var errSlow = fmt.Errorf("no answer within %s", askTime)

// attempts is how often a call is made that is refused for coming too soon.
const attempts = 10

// patiently makes a call again that came too soon, when the server says: nothing was done
// by it. AWS allows one call a second to SES.
func patiently(ctx context.Context, call func() (*http.Response, error)) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		resp, err := call()
		if attempt == attempts || !isAPIError(err, "TooManyRequestsException", "ThrottlingException") {
			return resp, err
		}
		var r *refusal
		errors.As(err, &r)
		if err := backoff.Wait(ctx, cmp.Or(r.RetryAfter, time.Second)); err != nil {
			return nil, err
		}
	}
}

// send signs and sends one request. An answer other than 2xx is a *refusal.
func (c *client) send(ctx context.Context, a api, method, path string, header http.Header, body io.Reader, size int64, hash string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base(a)+path, body)
	if err != nil {
		return nil, err
	}
	if r.ContentLength = size; size == 0 {
		r.Body = http.NoBody
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if c.token != "" {
		r.Header.Set("X-Amz-Security-Token", c.token)
	}
	sigv4.Sign(r, c.keys, c.region, a.signing, hash, time.Now())
	return c.do(r)
}

func (c *client) do(r *http.Request) (*http.Response, error) {
	resp, err := c.http.Do(r)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) && context.Cause(r.Context()) == errSlow {
			err = errSlow
		}
		if errors.Is(err, syscall.ECONNREFUSED) && (c.reconnect == nil || !c.reconnect.answered) {
			return nil, fmt.Errorf("%w; %s", unreachable(err, r.URL), c.hint)
		}
		return nil, unreachable(err, r.URL)
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		refused := readRefusal(resp)
		if !isUnavailable(refused) {
			c.reconnect.reached()
		}
		return nil, refused
	}
	c.reconnect.reached()
	return resp, nil
}

var errHungUp = errors.New("the connection was closed before the answer")

// unreachable drops the query from a transport error: it may hold a signature.
func unreachable(err error, u *url.URL) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var op *net.OpError
	if errors.As(err, &op) { // with the addresses of both ends, which say nothing more
		err = op.Err
		var call *os.SyscallError
		if errors.As(err, &call) {
			err = call.Err
		}
	}
	if errors.Is(err, io.EOF) {
		err = errHungUp
	}
	return fmt.Errorf("reach %s://%s: %w", u.Scheme, u.Host, err)
}

// readRefusal understands the error forms of all APIs: JSON with a type in header or
// body, and S3's XML.
func readRefusal(resp *http.Response) error {
	r := &refusal{Status: resp.StatusCode}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		r.RetryAfter = time.Duration(seconds) * time.Second
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	var form struct {
		Type    string `json:"__type" xml:"-"`
		Code    string `json:"code" xml:"Code"`
		Message string `json:"message" xml:"Message"` // JSON names match without regard to case
	}
	if json.Unmarshal(body, &form) != nil {
		_ = xml.Unmarshal(body, &form)
	}
	r.Message = form.Message
	r.Code = cmp.Or(resp.Header.Get("X-Amzn-Errortype"), form.Type, form.Code)
	if _, after, ok := strings.Cut(r.Code, "#"); ok {
		r.Code = after
	}
	r.Code, _, _ = strings.Cut(r.Code, ":")
	return r
}

// putFile sends a file to a pre-signed link, with the headers that the link asks for.
func (c *client) putFile(ctx context.Context, link string, header http.Header, body io.Reader, size int64) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, link, io.NopCloser(body))
	if err != nil {
		return err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if r.ContentLength = size; size == 0 {
		r.Body = http.NoBody
	}
	resp, err := c.do(r)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// putObject sends a file to S3, into a bucket that it makes if need be.
func (c *client) putObject(ctx context.Context, bucket, key string, body io.Reader, size int64) error {
	resp, err := c.send(ctx, s3API, http.MethodPut, "/"+bucket, nil, nil, 0, sigv4.EmptyPayload)
	switch {
	case isAPIError(err, "BucketAlreadyOwnedByYou"):
	case err != nil:
		return fmt.Errorf("make bucket %s: %w", bucket, err)
	default:
		resp.Body.Close()
	}
	path := (&url.URL{Path: "/" + bucket + "/" + key}).EscapedPath()
	resp, err = c.send(ctx, s3API, http.MethodPut, path, nil, io.NopCloser(body), size, sigv4.UnsignedPayload)
	if err != nil {
		return fmt.Errorf("upload s3://%s/%s: %w", bucket, key, err)
	}
	return resp.Body.Close()
}
