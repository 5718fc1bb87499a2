package s3

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/sigv4"
)

// Presigner signs links to this endpoint with the key of an account.
type Presigner struct {
	key sigv4.Credentials
	now func() time.Time
}

// NewPresigner returns a Presigner that signs with key.
func NewPresigner(key sigv4.Credentials) *Presigner { return &Presigner{key: key, now: time.Now} }

// Presign returns the link, in path style. Its Base is where this endpoint is reached,
// as http://127.0.0.1:4680. The signature covers the host and the link's headers, so
// its user may send any other header with it.
func (p *Presigner) Presign(_ context.Context, l object.Link) (string, error) {
	if l.Name.Account != p.key.Account {
		return "", fault.New(fault.Denied, "Access Denied")
	}
	u, err := url.Parse(l.Base)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("presign: %q is no base of a URL", l.Base)
	}
	u.Path, u.RawPath, u.RawQuery = "/"+l.Name.Bucket+"/"+l.Name.Key, "", ""
	if l.FileName != "" {
		u.RawQuery = url.Values{dispositionParameter: {object.Attachment(l.FileName)}}.Encode()
	}
	return sigv4.Presign(l.Method, u, p.key, l.Region, service, l.Life, l.Header, p.now()), nil
}
