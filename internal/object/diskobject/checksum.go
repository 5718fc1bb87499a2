package diskobject

import (
	"crypto/md5"  //nolint:gosec // S3's ETag is one
	"crypto/sha1" //nolint:gosec // S3 offers it
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"hash/crc32"

	"github.com/minio/crc64nvme"
)

// Algorithm is a checksum that an object can be kept with, by S3's name for it.
type Algorithm string

// The algorithms.
const (
	CRC32     Algorithm = "CRC32"
	CRC32C    Algorithm = "CRC32C"
	CRC64NVME Algorithm = "CRC64NVME"
	SHA1      Algorithm = "SHA1"
	SHA256    Algorithm = "SHA256"
)

// Algorithms returns all of them.
func Algorithms() []Algorithm { return []Algorithm{CRC32, CRC32C, CRC64NVME, SHA1, SHA256} }

// New returns a hash of the algorithm; nil if there is no such algorithm.
func (a Algorithm) New() hash.Hash {
	switch a {
	case CRC32:
		return crc32.NewIEEE()
	case CRC32C:
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case CRC64NVME:
		return crc64nvme.New()
	case SHA1:
		return sha1.New() //nolint:gosec // see above
	case SHA256:
		return sha256.New()
	}
	return nil
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

// sums hashes a stream in every way asked for.
type sums struct {
	md5 hash.Hash
	by  map[Algorithm]hash.Hash
}

func newSums(algorithms []Algorithm) *sums {
	s := &sums{md5.New(), map[Algorithm]hash.Hash{}} //nolint:gosec // see above
	for _, a := range algorithms {
		if h := a.New(); h != nil {
			s.by[a] = h
		}
	}
	return s
}

func (s *sums) write(p []byte) {
	s.md5.Write(p)
	for _, h := range s.by {
		h.Write(p)
	}
}

func (s *sums) digest(size int64) Digest {
	d := Digest{Size: size, MD5: [md5.Size]byte(s.md5.Sum(nil)), Sums: map[Algorithm][]byte{}}
	for a, h := range s.by {
		d.Sums[a] = h.Sum(nil)
	}
	return d
}

// joiner computes the checksum of a whole from those of its parts, without the bytes.
// A CRC is linear: the CRC of A followed by B is that of A, moved past len(B) zero
// bytes, plus that of B. The move is a matrix over GF(2), as in zlib's crc32_combine.
type joiner struct {
	bits int
	poly uint64 // reflected
	crc  uint64
	size int64 // for which move moves
	move matrix
}

type matrix [64]uint64

// newJoiner returns nil for an algorithm that is no CRC.
func newJoiner(a Algorithm) *joiner {
	switch a {
	case CRC32:
		return &joiner{bits: 32, poly: crc32.IEEE}
	case CRC32C:
		return &joiner{bits: 32, poly: crc32.Castagnoli}
	case CRC64NVME:
		return &joiner{bits: 64, poly: 0x9a6c9329ac4bc9b5}
	}
	return nil
}

// add appends a part with the checksum sum, big endian.
func (j *joiner) add(sum []byte, size int64) {
	if size != j.size { // parts are of one size, but for the last
		j.size, j.move = size, j.zeros(size)
	}
	part := uint64(0)
	for _, b := range sum {
		part = part<<8 | uint64(b)
	}
	if size > 0 {
		j.crc = j.move.times(j.crc)
	}
	j.crc ^= part
}

func (j *joiner) sum() []byte {
	b := binary.BigEndian.AppendUint64(nil, j.crc)
	return b[8-j.bits/8:]
}

// zeros returns the matrix that moves a CRC past size zero bytes.
func (j *joiner) zeros(size int64) matrix {
	var bit, all matrix
	bit[0] = j.poly
	for i := 1; i < j.bits; i++ {
		bit[i] = 1 << (i - 1)
	}
	for i := range j.bits {
		all[i] = 1 << i
	}
	for range 3 { // one bit, squared three times, is one byte
		bit = bit.after(&bit, j.bits)
	}
	for ; size > 0; size >>= 1 {
		if size&1 == 1 {
			all = bit.after(&all, j.bits)
		}
		bit = bit.after(&bit, j.bits)
	}
	return all
}

func (m *matrix) times(v uint64) (sum uint64) {
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 == 1 {
			sum ^= m[i]
		}
	}
	return sum
}

// after returns the matrix that does first, and then m.
func (m *matrix) after(first *matrix, bits int) (product matrix) {
	for i := range bits {
		product[i] = m.times(first[i])
	}
	return product
}
