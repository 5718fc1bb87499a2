// Package servicetest is what the tests of all services share: a real store and real
// objects in memory, links that tell what they were asked for, and callers who do not
// see each other's things. Only tests import it.
package servicetest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sluicehq/sluice/internal/caller"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/limits"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/service"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
	"github.com/sluicehq/sluice/internal/wire"
)

// World is what a service is made over.
type World struct {
	Store   *pebblestore.Store
	Files   *diskobject.Store
	Links   *Links
	Tokens  *service.Tokens
	Options service.Options // with a Wake that counts
	Woken   *atomic.Int32
}

// NewWorld returns an empty world with the given limits; it ends with the test.
func NewWorld(t testing.TB, limits limits.Profile) World {
	t.Helper()
	db, err := pebblestore.Open("db", pebblestore.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	files, err := diskobject.Open("files", diskobject.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatalf("open objects: %v", err)
	}
	t.Cleanup(func() { _, _ = files.Close(), db.Close() })
	secret, err := db.Secret(t.Context(), "page tokens")
	if err != nil {
		t.Fatalf("Secret: %v", err)
	}
	tokens, err := service.NewTokens(secret)
	if err != nil {
		t.Fatalf("NewTokens: %v", err)
	}
	woken := new(atomic.Int32)
	return World{
		Store: db, Files: files, Links: new(Links), Tokens: tokens, Woken: woken,
		Options: service.Options{Limits: limits, Wake: func() { woken.Add(1) }},
	}
}

// Links writes into a link what it was asked for, and numbers it.
type Links struct{ made atomic.Int64 }

// Presign implements service.Links.
func (l *Links) Presign(_ context.Context, k object.Link) (string, error) {
	url := fmt.Sprintf("%s/%s/%s?method=%s&account=%s&region=%s&expires=%d&number=%d",
		k.Base, k.Name.Bucket, k.Name.Key, k.Method, k.Name.Account, k.Region, int(k.Life.Seconds()), l.made.Add(1))
	for name := range k.Header {
		url += "&" + name + "=" + k.Header.Get(name)
	}
	return url, nil
}

// The accounts and regions of the tests.
const (
	Account, Region           = "111111111111", "eu-central-1"
	OtherAccount, OtherRegion = "222222222222", "us-east-1"
)

// As is the context of a call by an account in a region.
func As(t testing.TB, account, region string) context.Context {
	return caller.NewContext(t.Context(), caller.Caller{Account: account, Region: region, BaseURL: "http://sluice.test"})
}

// Me is the context of a call by the caller that a test is about.
func Me(t testing.TB) context.Context { return As(t, Account, Region) }

// Strangers are callers who see nothing of mine.
func Strangers(t testing.TB) map[string]context.Context {
	return map[string]context.Context{
		"other account": As(t, OtherAccount, Region), "other region": As(t, Account, OtherRegion),
	}
}

// Must is for calls that a test needs and is not about.
func Must[T any](out T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("%T: %v", out, err))
	}
	return out
}

// Refused fails the test unless err is of kind k with a sentence that has text in it.
func Refused(t testing.TB, what string, err error, k fault.Kind, text string) {
	t.Helper()
	if !fault.Is(err, k) || !strings.Contains(fault.Message(err), text) {
		t.Errorf("%s: %v, want %v %q", what, err, k, text)
	}
}

// Reply is what a caller sees of a refusal.
type Reply struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

// Send has a mux answer a call of Me, and returns the status and what is told of a
// refusal.
func Send(t testing.TB, mux *wire.Mux, method, path, body string) (status int, told Reply) {
	t.Helper()
	r := httptest.NewRequestWithContext(Me(t), method, path, strings.NewReader(body))
	match, found := mux.Match(r)
	if !found {
		t.Fatalf("%s %s is not routed", method, path)
	}
	w := httptest.NewRecorder()
	mux.Serve(w, r, match)
	if w.Code == http.StatusNoContent {
		return w.Code, Reply{}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &told); err != nil {
		t.Fatalf("%s %s: %q: %v", method, path, w.Body, err)
	}
	return w.Code, told
}
