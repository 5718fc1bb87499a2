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

// Presign returns a link, in path style, at which anyone may use method on n until ttl
// is over. base is where this endpoint is reached, as http://127.0.0.1:4680. Only the
// host is signed, so the user of the link may send any header with it.
func (p *Presigner) Presign(_ context.Context, method string, n object.Name, base, region string, ttl time.Duration) (string, error) {
	if n.Account != p.key.Account {
		return "", fault.New(fault.Denied, "Access Denied")
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("presign: %q is no base of a URL", base)
	}
	u.Path, u.RawPath, u.RawQuery = "/"+n.Bucket+"/"+n.Key, "", ""
	return sigv4.Presign(method, u, p.key, region, service, ttl, nil, p.now()), nil
}
