package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"sync"
)

// maxKeys bounds the cache of signing keys, at some 300 bytes each. A key is good for
// one caller, day, region and service, so most servers need a handful.
const maxKeys = 1024

// scopedKey names a signing key. It holds the secret, so that a key whose secret was
// replaced is not found again.
type scopedKey struct{ secret, date, region, service string }

// keyring remembers signing keys.
type keyring struct {
	mu   sync.Mutex
	keys map[scopedKey][]byte
}

// get returns the signing key, from memory or derived.
func (k *keyring) get(id scopedKey) []byte {
	k.mu.Lock()
	key, ok := k.keys[id]
	k.mu.Unlock()
	if ok {
		return key
	}
	return id.derive()
}

// put remembers a key that has verified a request. Others are not kept: a caller that knows
// an access key alone could flush the ring with made-up regions.
func (k *keyring) put(id scopedKey, key []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.keys[id]; ok {
		return
	}
	if k.keys == nil || len(k.keys) >= maxKeys {
		k.keys = make(map[scopedKey][]byte)
	}
	k.keys[id] = key
}

func (id scopedKey) derive() []byte {
	key := mac([]byte("AWS4"+id.secret), id.date)
	key = mac(key, id.region)
	key = mac(key, id.service)
	return mac(key, terminator)
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// signature returns the signature of a canonical request by its hash.
func signature(key []byte, sig *Signature, hash [sha256.Size]byte) [2 * sha256.Size]byte {
	h := hmac.New(sha256.New, key)
	h.Write(appendStringToSign(make([]byte, 0, 256), sig, hash))
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	var text [2 * sha256.Size]byte
	hex.Encode(text[:], sum[:])
	return text
}

func appendStringToSign(b []byte, sig *Signature, hash [sha256.Size]byte) []byte {
	for _, part := range [...]string{algorithm, "\n", sig.at, "\n", sig.date, "/", sig.region, "/", sig.service, "/", terminator, "\n"} {
		b = append(b, part...)
	}
	return hex.AppendEncode(b, hash[:])
}
