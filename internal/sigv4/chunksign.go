package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"hash"
)

// chunkSigner computes the chain of signatures of an aws-chunked body. The first link
// is the signature of the request; each signature covers the one before it.
type chunkSigner struct {
	mac   hash.Hash // with the signing key
	hash  hash.Hash // of the current chunk
	where string    // time and scope, a line each
	prev  []byte    // hex
	text  []byte    // scratch, as is sum
	sum   [sha256.Size]byte
}

func newChunkSigner(sig *Signature, key []byte) *chunkSigner {
	return &chunkSigner{
		mac:   hmac.New(sha256.New, key),
		hash:  sha256.New(),
		where: "\n" + sig.at + "\n" + sig.scope() + "\n",
		prev:  []byte(sig.signature),
	}
}

// next returns the signature of the chunk that was written to s.hash, and goes on to
// the chunk after it. The slice is valid until the next call.
func (s *chunkSigner) next() []byte {
	b := append(s.text[:0], "AWS4-HMAC-SHA256-PAYLOAD"...)
	b = append(b, s.where...)
	b = append(b, s.prev...)
	b = append(b, "\n"+EmptyPayload+"\n"...)
	return s.sign(b)
}

// nextTrailers does the same for the trailers.
func (s *chunkSigner) nextTrailers(canonical []byte) []byte {
	s.hash.Write(canonical)
	b := append(s.text[:0], "AWS4-HMAC-SHA256-TRAILER"...)
	b = append(b, s.where...)
	b = append(b, s.prev...)
	b = append(b, '\n')
	return s.sign(b)
}

// sign ends b with the hash and keeps its signature.
func (s *chunkSigner) sign(b []byte) []byte {
	b = hex.AppendEncode(b, s.hash.Sum(s.sum[:0]))
	s.hash.Reset()
	s.mac.Reset()
	s.mac.Write(b)
	s.text = b
	s.prev = hex.AppendEncode(s.prev[:0], s.mac.Sum(s.sum[:0]))
	return s.prev
}

func (s *chunkSigner) verify(claimed []byte) bool {
	return subtle.ConstantTimeCompare(s.next(), claimed) == 1
}

func (s *chunkSigner) verifyTrailers(canonical []byte, claimed string) bool {
	return subtle.ConstantTimeCompare(s.nextTrailers(canonical), []byte(claimed)) == 1
}
