package s3object_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/s3object"
)

func random(size int) []byte {
	rng := rand.NewChaCha8([32]byte{1})
	text := make([]byte, size)
	_, _ = rng.Read(text) // never fails
	return text
}

// A reading goes on over connections that are cut, or fall silent, anywhere.
func TestReadOverBrokenConnections(t *testing.T) {
	t.Parallel()
	text := random(3<<20 + 11)
	for name, spoil := range map[string]func(int) fate{
		"cut":         func(int) fate { return fate{after: 300_000} },
		"cut at once": func(i int) fate { return fate{after: int64(i%3) * 200_000} },
		"cut amid the header": func(i int) fate {
			return fate{after: []int64{90, 700_000}[i%2]}
		},
		"silent": func(i int) fate { return fate{after: 900_000, silent: true} },
		"silent from the start": func(i int) fate {
			return fate{after: []int64{0, 2 << 20}[i%2], silent: true}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, endpoint(t))
			p := newProxy(t, r.address)
			s := r.openAt(p.address, s3object.Options{IdleTimeout: 200 * time.Millisecond, HTTPClient: fresh(t)})
			info, err := s.Put(t.Context(), r.name("list"), "", bytes.NewReader(text))
			r.check("Put", err)
			p.spoilBy(spoil)
			for _, offset := range []int{0, 1_000_003} {
				for _, version := range []string{"", info.Version} {
					got, err := read(t.Context(), s, r.name("list"), version, int64(offset))
					if err != nil || !bytes.Equal(got, text[offset:]) {
						t.Errorf("read version %q from %d: %d bytes, equal %v, %v; want %d", version, offset,
							len(got), bytes.Equal(got, text[offset:]), err, len(text)-offset)
					}
				}
			}
			if n := p.connections(); n < 8 {
				t.Errorf("%d connections for four readings, want more: nothing was spoilt", n)
			}
		})
	}
}

// begin opens what is at n, over a connection that is cut after the first megabyte, and
// reads the first bytes.
func begin(t *testing.T, s *s3object.Store, p *proxy, n object.Name, version string, text []byte) io.ReadCloser {
	t.Helper()
	p.spoilBy(func(i int) fate {
		if i == 0 {
			return fate{after: 1 << 20}
		}
		return fine
	})
	in, err := s.Open(t.Context(), n, version, 0)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	head := make([]byte, 1000)
	if _, err := io.ReadFull(in, head); err != nil || !bytes.Equal(head, text[:1000]) {
		t.Fatalf("read the head: %v", err)
	}
	return in
}

// What is replaced or deleted while it is read is told to have changed; where the bucket
// keeps versions, it is read to its end.
func TestReplaced(t *testing.T) {
	t.Parallel()
	text := random(4 << 20)
	for name, change := range map[string]func(*s3object.Store, object.Name) error{
		"replaced": func(s *s3object.Store, n object.Name) error {
			_, err := s.Put(context.Background(), n, "", bytes.NewReader(bytes.ToUpper(text)))
			return err
		},
		"shorter": func(s *s3object.Store, n object.Name) error {
			_, err := s.Put(context.Background(), n, "", strings.NewReader("short"))
			return err
		},
		"deleted": func(s *s3object.Store, n object.Name) error { return s.Delete(context.Background(), n) },
	} {
		for _, versions := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", with versions"}[versions], func(t *testing.T) {
				t.Parallel()
				r := newRig(t, endpoint(t))
				if versions {
					r.keepVersions()
				}
				p := newProxy(t, r.address)
				s := r.openAt(p.address, s3object.Options{HTTPClient: fresh(t)})
				n := r.name("uploads/list")
				_, err := s.Put(t.Context(), n, "", bytes.NewReader(text))
				r.check("Put", err)
				held, err := s.Hold(t.Context(), n, "job")
				r.check("Hold", err)
				in := begin(t, s, p, n, held.Version, text)
				defer func() { _ = in.Close() }()
				r.check("change", change(r.open(s3object.Options{}), n))
				rest, err := io.ReadAll(in)
				_, again := s.Open(t.Context(), n, held.Version, 4<<20)
				if versions {
					if err != nil || !bytes.Equal(rest, text[1000:]) {
						t.Errorf("read on: %d bytes, %v; want all %d", len(rest), err, len(text)-1000)
					}
					r.check("Open again", again)
					return
				}
				if !bytes.Equal(rest, text[1000:1000+len(rest)]) {
					t.Error("read bytes that were not those of the held version")
				}
				for what, err := range map[string]error{"read on": err, "Open again": again} {
					if !fault.Is(err, fault.Broken) || !strings.Contains(fault.Message(err), "has changed") {
						t.Errorf("%s: %v, want Broken and that the object has changed", what, err)
					}
				}
			})
		}
	}
}

// A reading gives up when it gets no further for too long, and at once with its context.
func TestReadGivesUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, endpoint(t))
	text := random(4 << 20)
	p := newProxy(t, r.address)
	s := r.openAt(p.address, s3object.Options{RetryTimeout: time.Second, HTTPClient: fresh(t)})
	patient := r.openAt(p.address, s3object.Options{HTTPClient: fresh(t)})
	_, err := patient.Put(t.Context(), r.name("list"), "", bytes.NewReader(text))
	r.check("Put", err)
	in := begin(t, s, p, r.name("list"), "", text)
	defer func() { _ = in.Close() }()
	p.spoilBy(func(int) fate { return fate{} })
	if _, err := io.ReadAll(in); !fault.Is(err, fault.Unavailable) {
		t.Errorf("read from a server that cuts every connection: %v, want Unavailable", err)
	}

	p.spoilBy(func(int) fate { return fine })
	why := errors.New("the lease is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	waiting, err := patient.Open(ctx, r.name("list"), "", 0)
	r.check("Open", err)
	defer func() { _ = waiting.Close() }()
	p.spoilBy(func(int) fate { cancel(why); return fate{} })
	if _, err := io.ReadAll(io.MultiReader(waiting, forever(ctx, patient, r.name("list")))); !errors.Is(err, why) {
		t.Errorf("read with a context that ended: %v, want its cause", err)
	}
}

// forever opens n anew until that fails.
func forever(ctx context.Context, s *s3object.Store, n object.Name) io.Reader {
	return readerFunc(func([]byte) (int, error) {
		for {
			in, err := s.Open(ctx, n, "", 0)
			if err != nil {
				return 0, err
			}
			_ = in.Close()
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A Put that fails leaves neither an object nor parts of one.
func TestFailedPutLeavesNothing(t *testing.T) {
	t.Parallel()
	broken := errors.New("the network broke")
	for _, size := range []int{0, 10, 5 << 20, 12 << 20, 40 << 20} {
		r := newRig(t, endpoint(t))
		s := r.open(s3object.Options{PartSize: 5 << 20})
		for _, failure := range []error{broken, io.ErrUnexpectedEOF} {
			in := io.MultiReader(bytes.NewReader(make([]byte, size)), readerFunc(func([]byte) (int, error) { return 0, failure }))
			if _, err := s.Put(t.Context(), r.name("report"), "", in); !errors.Is(err, failure) {
				t.Errorf("Put of a reader that fails after %d bytes: %v, want %v", size, err, failure)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		in := io.MultiReader(bytes.NewReader(make([]byte, size)), readerFunc(func([]byte) (int, error) { cancel(); return 0, io.EOF }))
		if _, err := s.Put(ctx, r.name("report"), "", in); !errors.Is(err, context.Canceled) {
			t.Errorf("Put of %d bytes that is cancelled: %v, want Canceled", size, err)
		}
		if objects, uploads := r.keys(); len(objects)+len(uploads) > 0 {
			t.Errorf("after failed puts of %d bytes there are objects %q and uploads %q", size, objects, uploads)
		}
	}
}

// A part that S3 refuses ends the upload.
func TestRefusedPart(t *testing.T) {
	t.Parallel()
	r := newRig(t, endpoint(t))
	s := r.open(s3object.Options{PartSize: 5 << 20, HTTPClient: refusing{fresh(t), "partNumber=3"}})
	_, err := s.Put(t.Context(), r.name("report"), "", bytes.NewReader(make([]byte, 40<<20)))
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("Put with a part that is refused: %v, want Unavailable", err)
	}
	if objects, uploads := r.keys(); len(objects)+len(uploads) > 0 {
		t.Errorf("after a refused part there are objects %q and uploads %q", objects, uploads)
	}
}

// What is put is what is there, on both sides of every limit.
func TestPutSizes(t *testing.T) {
	t.Parallel()
	const part = 5 << 20
	r := newRig(t, endpoint(t))
	s := r.open(s3object.Options{PartSize: part})
	for _, size := range []int{0, 1, part - 1, part, part + 1, 2 * part, 5*part + 7} {
		text := random(size)
		info, err := s.Put(t.Context(), r.name("report"), "text/csv", iotestReader{bytes.NewReader(text)})
		r.check("Put", err)
		got, err := read(t.Context(), s, r.name("report"), info.Version, 0)
		if err != nil || !bytes.Equal(got, text) || info.Size != int64(size) {
			t.Errorf("Put of %d bytes: size %d, %d bytes lie there, %v", size, info.Size, len(got), err)
		}
		head, err := r.client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &r.bucket, Key: ptr("some/prefix/" + account + "/report")})
		r.check("HeadObject", err)
		if head.ContentType == nil || *head.ContentType != "text/csv" {
			t.Errorf("content type after Put of %d bytes is not text/csv", size)
		}
	}
	if _, uploads := r.keys(); len(uploads) > 0 {
		t.Errorf("uploads %q are left", uploads)
	}
}

// iotestReader hides all but Read.
type iotestReader struct{ r io.Reader }

func (i iotestReader) Read(p []byte) (int, error) { return i.r.Read(p) }
