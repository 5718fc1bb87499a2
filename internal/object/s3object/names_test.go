package s3object_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/s3object"
)

// Work objects lie where the package says, so that operators find them.
func TestWhereThingsLie(t *testing.T) {
	t.Parallel()
	r := newRig(t, endpoint(t))
	s := r.open(s3object.Options{})
	if _, err := s.Put(t.Context(), r.name("reports/1.csv"), "", strings.NewReader("x")); err != nil {
		t.Fatalf("Put: %v", err)
	}
	objects, _ := r.keys()
	if want := []string{"some/prefix/" + account + "/reports/1.csv"}; !slices.Equal(objects, want) {
		t.Errorf("the bucket holds %q, want %q", objects, want)
	}
}

// A bucket that is not the work bucket is read as it is, by every account, and never
// written to.
func TestSources(t *testing.T) {
	t.Parallel()
	r := newRig(t, endpoint(t))
	s := r.open(s3object.Options{})
	source := r.makeBucket()
	r.put(source, "in/list.csv", []byte("a@example.com"))
	for _, account := range []string{"111111111111", "222222222222"} {
		n := object.Name{Account: account, Bucket: source, Key: "in/list.csv"}
		info, err := s.Hold(t.Context(), n, "job")
		r.check("Hold", err)
		if info.Name != n || info.Size != 13 {
			t.Errorf("Hold = %+v, want %v and 13 bytes", info, n)
		}
		got, err := read(t.Context(), s, n, info.Version, 2)
		if err != nil || string(got) != "example.com" {
			t.Errorf("read from 2: %q, %v; want example.com", got, err)
		}
		_, err = s.Put(t.Context(), n, "", strings.NewReader("x"))
		for what, err := range map[string]error{"Put": err, "Delete": s.Delete(t.Context(), n)} {
			if !fault.Is(err, fault.Denied) {
				t.Errorf("%s in a source: %v, want Denied", what, err)
			}
		}
	}
	n := object.Name{Account: account, Bucket: "no-such-bucket", Key: "k"}
	if _, err := s.Stat(t.Context(), n); !fault.Is(err, fault.NotFound) {
		t.Errorf("Stat in a bucket that is not there: %v, want NotFound", err)
	}
	if _, err := s.Open(t.Context(), n, "", 0); !fault.Is(err, fault.NotFound) || !strings.Contains(fault.Message(err), "bucket no-such-bucket") {
		t.Errorf("Open in a bucket that is not there: %v, want NotFound and its name", err)
	}
}

// TestKeys: any key but those with dots between slashes. (This S3 keeps objects as files,
// so that of a and a/b only one can be; and names of files are short.)
func TestKeys(t *testing.T) {
	t.Parallel()
	r := newRig(t, endpoint(t))
	s := r.open(s3object.Options{})
	for _, key := range []string{
		"a", "b/c", "...", "a..b", ".hidden", "%2F", "a%2Fb", "a b", "a+b", "ключ", "鍵/键", "e\u0301", "\u00e9", "A", "con",
		"a\\b", "a:b", "a?b#c&d=e", "~", "'\"<>&", "@", "deep/" + strings.Repeat("k/", 100) + "k",
	} {
		if _, err := s.Put(t.Context(), r.name(key), "", strings.NewReader("text of "+key)); err != nil {
			t.Errorf("Put %q: %v", key, err)
			continue
		}
		if got, err := read(t.Context(), s, r.name(key), "", 0); err != nil || string(got) != "text of "+key {
			t.Errorf("read %q: %q, %v", key, got, err)
		}
	}
	for _, n := range []object.Name{
		r.name(""), r.name("."), r.name(".."), r.name("../x"), r.name("../222222222222/x"), r.name("a/../../x"), r.name("a/./b"),
		r.name("a/.."), r.name("\xff"), r.name("a\x00b"), r.name(strings.Repeat("k", 1025)), r.name(strings.Repeat("k", 1000)),
		{Account: "", Bucket: r.bucket, Key: "k"},
		{Account: "a/b", Bucket: r.bucket, Key: "k"},
		{Account: "..", Bucket: r.bucket, Key: "k"},
		{Account: account, Bucket: "", Key: "k"},
		{Account: account, Bucket: "..", Key: "k"},
		{Account: account, Bucket: "a/b", Key: "k"},
		{Account: account, Bucket: r.bucket + ".", Key: "k"},
		{Account: account, Bucket: "arn:aws:s3:us-east-1:123456789012:accesspoint", Key: "k"},
		{Account: account, Bucket: "source", Key: "../" + r.bucket + "/some/prefix/222222222222/x"},
	} {
		_, err := s.Stat(t.Context(), n)
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("Stat of %+v: %v, want Invalid", n, err)
		}
		if _, err := s.Open(t.Context(), n, "", 0); !fault.Is(err, fault.Invalid) {
			t.Errorf("Open of %+v: %v, want Invalid", n, err)
		}
	}
}
