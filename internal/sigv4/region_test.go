package sigv4

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

// TestD166_RegionsAreNames: a region is 1 to 64 of a-z, 0-9 and '-', in headers and links.
func TestD166_RegionsAreNames(t *testing.T) {
	t.Parallel()
	for region, ok := range map[string]bool{
		"us-east-1": true, "eu-central-1": true, "local": true, "7": true, strings.Repeat("a", 64): true,
		strings.Repeat("a", 65): false, "US-EAST-1": false, "us-east-1 ": false, "us_east_1": false,
		"us.east": false, "\x00": false, "\xff\xfe": false, "europa-süd": false,
	} {
		for _, presigned := range []bool{false, true} {
			r := newRequest(t, "POST", "http://example.com/x", nil)
			if presigned {
				_, r.URL.RawQuery, _ = strings.Cut(Presign("POST", r.URL, example, region, "ses", time.Minute, http.Header{}, noon), "?")
			} else {
				Sign(r, example, region, "ses", HashPayload(nil), noon)
			}
			id, _, err := verifyAll(verifierAt(noon), received(t, r, nil), "ses")
			switch {
			case ok && (err != nil || id.Region != region):
				t.Errorf("region %q (link: %v): %v, %v, want it verified", region, presigned, id, err)
			case !ok && (!fault.Is(err, fault.BadSignature) || !strings.Contains(err.Error(), "valid region")):
				t.Errorf("region %q (link: %v): %v, want BadSignature about the region", region, presigned, err)
			}
		}
	}
}
