package diskobject

import (
	"bytes"
	"strconv"
	"testing"

	"github.com/sluicehq/sluice/internal/object"
)

// BenchmarkWrite puts objects of 64 MiB and of 1 KiB. Their bytes are synced, so the
// disk has a part in the time.
func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{64 << 20, 1 << 10} {
		for _, algorithm := range []Algorithm{CRC64NVME, SHA256} {
			b.Run(string(algorithm)+"/"+strconv.Itoa(size), func(b *testing.B) {
				s, err := Open(b.TempDir(), Options{})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				ctx := b.Context()
				n := object.Name{Account: "000000000000", Bucket: "bucket", Key: "key"}
				if err := s.CreateBucket(ctx, n.Account, n.Bucket, "us-east-1"); err != nil {
					b.Fatal(err)
				}
				text := bytes.Repeat([]byte("0123456789abcdef"), size/16)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.Write(ctx, n, Write{Checksum: algorithm}, bytes.NewReader(text)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
