package s3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
)

// These tests take S3's operations and their headers from AWS's own client: each
// operation's input is filled by reflection, and the request that the client makes of it
// is caught before it leaves.

var errCaught = errors.New("caught")

// catcher is an HTTP client that keeps the request.
type catcher struct{ r *http.Request }

func (c *catcher) Do(r *http.Request) (*http.Response, error) {
	c.r = r
	return nil, errCaught
}

// modelOperations returns the names of all operations of S3.
func modelOperations() []string {
	var names []string
	client := reflect.TypeFor[*sdk.Client]()
	for method := range client.Methods() {
		if method.Type.NumIn() == 4 && method.Type.In(1) == reflect.TypeFor[context.Context]() {
			names = append(names, method.Name)
		}
	}
	return names
}

// inputOf returns a new input of an operation with its bucket and key set, and what
// else is a part of the address.
func inputOf(t *testing.T, operation string) reflect.Value {
	t.Helper()
	method := reflect.ValueOf(&sdk.Client{}).MethodByName(operation)
	if !method.IsValid() {
		t.Fatalf("S3 has no operation %s", operation)
	}
	in := reflect.New(method.Type().In(1).Elem())
	for name, value := range map[string]string{
		"Bucket": "uploads", "Key": "k", "UploadId": "u", "CopySource": "uploads/k", "Id": "i", "AnnotationName": "a",
		"RenameSource": "/uploads/k", "RequestRoute": "r", "RequestToken": "t",
	} {
		if f := in.Elem().FieldByName(name); f.IsValid() {
			f.Set(reflect.ValueOf(aws.String(value)))
		}
	}
	if f := in.Elem().FieldByName("PartNumber"); f.IsValid() && strings.HasPrefix(operation, "UploadPart") {
		f.Set(reflect.ValueOf(aws.Int32(1)))
	}
	return in
}

// caught returns the request that AWS's client makes of an input. The client's own
// checks of the input, and what it adds of itself, are out of the way.
func caught(t *testing.T, operation string, in reflect.Value) *http.Request {
	t.Helper()
	catch := &catcher{}
	client := sdk.New(sdk.Options{
		BaseEndpoint: aws.String("https://s3.test"), UsePathStyle: true, Region: "eu-west-1", HTTPClient: catch,
		Credentials:      credentials.NewStaticCredentialsProvider(root.AccessKey, root.Secret, ""),
		RetryMaxAttempts: 1, RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		DisableS3ExpressSessionAuth: aws.Bool(true),
		APIOptions: []func(*middleware.Stack) error{func(s *middleware.Stack) error {
			_, _ = s.Initialize.Remove("OperationInputValidation")
			return nil
		}},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out := reflect.ValueOf(client).MethodByName(operation).Call([]reflect.Value{reflect.ValueOf(ctx), in})
	if catch.r == nil {
		t.Fatalf("%s: no request was made: %v", operation, out[1])
	}
	if catch.r.Body != nil {
		_, _ = io.Copy(io.Discard, catch.r.Body)
	}
	return catch.r
}

// TestNamesOfOperations routes a request of each operation that S3 has: served ones to
// themselves, all others to NotImplemented, under their own names.
func TestNamesOfOperations(t *testing.T) {
	t.Parallel()
	served := map[string]bool{}
	for _, op := range operations {
		served[op.name] = true
	}
	elsewhere := map[string]string{ // not told apart by the request, or not of this endpoint
		"ListDirectoryBuckets":   "ListBuckets",
		"WriteGetObjectResponse": "Unknown",
	}
	names := modelOperations()
	if len(names) < 100 {
		t.Fatalf("the client has %d operations, want S3's: %q", len(names), names)
	}
	for _, name := range names {
		r := caught(t, name, inputOf(t, name))
		c := &call{Handler: &Handler{}, r: r}
		if err := c.address(); err != nil {
			t.Fatalf("%s: %s %s: %v", name, r.Method, r.URL, err)
		}
		op, err := c.operation()
		want := name
		if other, ok := elsewhere[name]; ok {
			want = other
		}
		if op.name != want || served[want] != (err == nil) {
			t.Errorf("%s %s of %s is %s, %v, want %s, served %t", r.Method, r.URL.RequestURI(), name, op.name, err, want, served[want])
		}
	}
	for _, table := range []map[string]map[string]string{unservedBucket, unservedObject} {
		for subresource := range table {
			if !slices.Contains(subresources, subresource) {
				t.Errorf("%s is missing from subresources: it would be passed over", subresource)
			}
		}
	}
}
