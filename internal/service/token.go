package service

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// Tokens makes and opens page tokens. A token is the store's word for the next page,
// sealed: nobody but us can make one, read one, or use it for another listing.
//
//	base64url( nonce ‖ AES-256-GCM( the store's word; bound to operation, owner, filter ) )
//
// The page size is not bound: a caller may change it from page to page.
type Tokens struct{ aead cipher.AEAD }

// maxToken is the length that Mail Manager allows a token. A page's word may have 1,508
// bytes to fit; the longest key, an address, has 320, and a place in a search has less
// than 600.
const maxToken = 2048

// encoding refuses bits that do not count, so that a token has one spelling only.
var encoding = base64.RawURLEncoding.Strict()

// NewTokens returns the Tokens of a secret, which should be that of
// store.Secret(ctx, "page tokens"): the same on every node and after a restart.
func NewTokens(secret []byte) (*Tokens, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "sluice page token", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of page tokens: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make the cipher of page tokens: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make the cipher of page tokens: %w", err)
	}
	return &Tokens{aead}, nil
}

// Listing is one listing in pages.
type Listing struct {
	Operation string
	Owner     job.Owner
	Filter    []string // all that decides which entries are listed
}

func (l Listing) bind() []byte {
	return []byte(Fingerprint(append([]string{l.Operation, l.Owner.Account, l.Owner.Region}, l.Filter...)...))
}

// Page reads what a caller asks for: the page after token, the first without one or
// with an empty one, of up to size entries. Without a size it is the largest page,
// most, so that a caller who does not know of pages sees as much as can be. A token
// that was not made for this listing is fault.BadToken.
func (t *Tokens) Page(l Listing, token *string, size *int64, most int) (store.Page, error) {
	p := store.Page{Limit: most}
	if size != nil {
		if *size < 1 || *size > int64(most) {
			return store.Page{}, fault.New(fault.Invalid, "Page size %d is invalid, expected a number between 1 and %d", *size, most)
		}
		p.Limit = int(*size)
	}
	if token == nil || *token == "" {
		return p, nil
	}
	after, err := t.open(l, *token)
	if err != nil {
		return store.Page{}, err
	}
	p.After = after
	return p, nil
}

// Next returns the token of the page that begins after the store's word, nil if
// there is none.
func (t *Tokens) Next(l Listing, after string) *string {
	if after == "" {
		return nil
	}
	token := encoding.EncodeToString(t.aead.Seal(nil, nil, []byte(after), l.bind()))
	return &token
}

func (t *Tokens) open(l Listing, token string) (string, error) {
	bad := fault.New(fault.BadToken, "Token is invalid.")
	if len(token) > maxToken || strings.ContainsAny(token, "\r\n") { // line ends are skipped in base64
		return "", bad
	}
	sealed, err := encoding.DecodeString(token)
	if err != nil || len(sealed) < t.aead.Overhead() {
		return "", bad
	}
	after, err := t.aead.Open(nil, nil, sealed, l.bind())
	if err != nil {
		return "", bad
	}
	return string(after), nil
}

// Fingerprint returns a short text that is the same for the same parts only.
func Fingerprint(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		var n [8]byte // so that "ab","c" and "a","bc" differ
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}
