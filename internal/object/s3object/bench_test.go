package s3object_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/sluicehq/sluice/internal/object/s3object"
)

const benchSize = 64 << 20

// stores returns the S3s that are measured: one that is not ours, and ours.
func benchStores(b *testing.B) map[string]*rig {
	return map[string]*rig{
		"foreign":  newRig(b, endpoint(b)),
		"embedded": newRig(b, embedded(b, false).URL),
	}
}

// BenchmarkRead reads from the middle of an object to its end, as a resumed job does.
func BenchmarkRead(b *testing.B) {
	for name, r := range benchStores(b) {
		b.Run(name, func(b *testing.B) {
			s := r.open(s3object.Options{HTTPClient: pooled(b)})
			info, err := s.Put(b.Context(), r.name("list"), "", bytes.NewReader(make([]byte, benchSize)))
			r.check("Put", err)
			buf := make([]byte, 256<<10)
			b.SetBytes(benchSize / 2)
			b.ReportAllocs()
			for b.Loop() {
				in, err := s.Open(b.Context(), r.name("list"), info.Version, benchSize/2)
				r.check("Open", err)
				n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, in, buf)
				if err != nil || n != benchSize/2 {
					b.Fatalf("read %d bytes, %v", n, err)
				}
				r.check("Close", in.Close())
			}
		})
	}
}

// BenchmarkPut puts a small report and a large one.
func BenchmarkPut(b *testing.B) {
	for name, r := range benchStores(b) {
		for _, size := range []int{1 << 10, benchSize} {
			b.Run(fmt.Sprint(name, "/", size), func(b *testing.B) {
				s := r.open(s3object.Options{HTTPClient: pooled(b)})
				text := make([]byte, size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					_, err := s.Put(b.Context(), r.name("report"), "", bytes.NewReader(text))
					r.check("Put", err)
				}
			})
		}
	}
}

// BenchmarkStat asks for one object.
func BenchmarkStat(b *testing.B) {
	for name, r := range benchStores(b) {
		b.Run(name, func(b *testing.B) {
			s := r.open(s3object.Options{HTTPClient: pooled(b)})
			_, err := s.Put(b.Context(), r.name("list"), "", bytes.NewReader(nil))
			r.check("Put", err)
			for b.Loop() {
				_, err := s.Stat(b.Context(), r.name("list"))
				r.check("Stat", err)
			}
		})
	}
}

// pooled returns an HTTP client that keeps connections, until the benchmark is over.
func pooled(b *testing.B) *http.Client {
	t := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 8, ReadBufferSize: 64 << 10}
	b.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t}
}
