package diskobject

import (
	"crypto/md5"  // S3's ETag is one
	"crypto/sha1" // S3 offers it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"hash/crc32"

	"github.com/cespare/xxhash/v2"
	"github.com/minio/crc64nvme"
	"github.com/zeebo/xxh3"
)

// Algorithm is a checksum that an object can be kept with, by S3's name for it.
type Algorithm string

// The algorithms.
const (
	CRC32     Algorithm = "CRC32"
	CRC32C    Algorithm = "CRC32C"
	CRC64NVME Algorithm = "CRC64NVME"
	MD5       Algorithm = "MD5"
	SHA1      Algorithm = "SHA1"
	SHA256    Algorithm = "SHA256"
	SHA512    Algorithm = "SHA512"
	XXHASH128 Algorithm = "XXHASH128"
	XXHASH3   Algorithm = "XXHASH3"
	XXHASH64  Algorithm = "XXHASH64"
)

// Algorithms returns all of them, sorted.
func Algorithms() []Algorithm {
	return []Algorithm{CRC32, CRC32C, CRC64NVME, MD5, SHA1, SHA256, SHA512, XXHASH128, XXHASH3, XXHASH64}
}

// New returns a hash of the algorithm; nil if there is no such algorithm. Sums of the
// XXHASH algorithms have seed 0 and are in their canonical form, big endian, as in AWS's
// own library (aws-checksums).
func (a Algorithm) New() hash.Hash {
	switch a {
	case CRC32:
		return crc32.NewIEEE()
	case CRC32C:
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case CRC64NVME:
		return crc64nvme.New()
	case MD5:
		return md5.New() // S3 offers it
	case SHA1:
		return sha1.New() // S3 offers it
	case SHA256:
		return sha256.New()
	case SHA512:
		return sha512.New()
	case XXHASH128:
		return xxh3.New128()
	case XXHASH3:
		return xxh3.New()
	case XXHASH64:
		return xxhash.New()
	}
	return nil
}

// Allows reports whether an object put in parts can have a checksum of the algorithm
// that is composite, or one of all its bytes. The latter is computed from those of the
// parts, which works for a CRC only.
//
// Source: Amazon S3 User Guide, "Checking object integrity for data uploads".
func (a Algorithm) Allows(composite bool) bool {
	if composite {
		return a.New() != nil && a != CRC64NVME
	}
	return newJoiner(a) != nil
}

// Checksum is what an object was put with: base64, and for an object put in parts
// either that of its bytes or, Composite, that of its parts' checksums.
type Checksum struct {
	Algorithm Algorithm `json:"algorithm,omitempty"`
	Value     string    `json:"value,omitempty"` // a composite one ends in -N, the number of parts
	Composite bool      `json:"composite,omitempty"`
}

// Digest is what was found out about a stream while it passed.
type Digest struct {
	Size int64
	MD5  [md5.Size]byte
	Sums map[Algorithm][]byte
}

// Sum returns the checksum in base64.
func (d Digest) Sum(a Algorithm) string { return base64.StdEncoding.EncodeToString(d.Sums[a]) }

// sums computes all checksums of a stream. MD5 takes longer than any CRC: it and the
// others may be written by two goroutines.
type sums struct {
	md5    hash.Hash
	by     map[Algorithm]hash.Hash
	blocks blockHash
}

func newSums(algorithms []Algorithm) *sums {
	s := &sums{md5: md5.New(), by: map[Algorithm]hash.Hash{}}
	for _, a := range algorithms {
		if a == MD5 {
			s.by[a] = s.md5 // which writeMD5 writes, once
		} else if h := a.New(); h != nil {
			s.by[a] = h
		}
	}
	return s
}

func (s *sums) writeMD5(p []byte) { s.md5.Write(p) }

func (s *sums) writeOthers(p []byte) {
	for a, h := range s.by {
		if a != MD5 {
			h.Write(p)
		}
	}
	s.blocks.write(p)
}

func (s *sums) digest(size int64) Digest {
	d := Digest{Size: size, MD5: [md5.Size]byte(s.md5.Sum(nil)), Sums: map[Algorithm][]byte{}}
	for a, h := range s.by {
		d.Sums[a] = h.Sum(nil)
	}
	return d
}
