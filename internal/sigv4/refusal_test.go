package sigv4

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
)

// refusalOf verifies r for S3, body included, and returns the Refusal.
func refusalOf(t *testing.T, what string, r *http.Request, body []byte) *Refusal {
	t.Helper()
	_, _, err := verifyAll(verifierAt(noon), received(t, r, body), "s3")
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("%s: %v, want a Refusal", what, err)
	}
	return refusal
}

// TestReasonsOfChunkedBodies: S3 has several names for what can be wrong with one.
func TestReasonsOfChunkedBodies(t *testing.T) {
	t.Parallel()
	value := crc[0].name + ":" + crc[0].value
	for what, c := range map[string]struct {
		upload
		body string
		want Reason
	}{
		"cut short":               {upload{hash: streamUnsignedTrailer, data: letters(5)}, "5\r\nabc", IncompleteBody},
		"no size":                 {upload{hash: streamUnsignedTrailer, data: letters(5)}, "x\r\nabcde\r\n0\r\n\r\n", IncompleteBody},
		"longer than said":        {upload{hash: streamUnsignedTrailer, data: letters(4)}, "5\r\nabcde\r\n0\r\n\r\n", IncompleteBody},
		"trailer missing":         {upload{hash: streamUnsignedTrailer, data: letters(5), trailers: crc}, "5\r\nabcde\r\n0\r\n\r\n", MalformedTrailer},
		"trailer not announced":   {upload{hash: streamUnsignedTrailer, data: letters(5)}, "5\r\nabcde\r\n0\r\n" + value + "\r\n\r\n", MalformedTrailer},
		"trailer without a colon": {upload{hash: streamUnsignedTrailer, data: letters(5), trailers: crc}, "5\r\nabcde\r\n0\r\nabc\r\n\r\n", MalformedTrailer},
		"trailer without a name":  {upload{hash: streamUnsignedTrailer, data: letters(5), trailers: crc}, "5\r\nabcde\r\n0\r\n:abc\r\n\r\n", MalformedTrailer},
		"trailer after the end":   {upload{hash: streamUnsignedTrailer, data: letters(5), trailers: crc}, "5\r\nabcde\r\n0\r\n\r\n" + value + "\r\n\r\n", MalformedTrailer},
		"more after the end":      {upload{hash: streamUnsignedTrailer, data: letters(5), trailers: crc}, "5\r\nabcde\r\n0\r\n" + value + "\n\r\n\r\n\r\n", IncompleteBody},
		"short signature":         {upload{hash: streamSigned, data: letters(5)}, "5;chunk-signature=00\r\nabcde\r\n", IncompleteBody},
		"other signature":         {upload{hash: streamSigned, data: letters(5)}, "5;chunk-signature=" + strings.Repeat("0", 64) + "\r\nabcde\r\n", Mismatch},
		"length not said":         {upload{hash: streamUnsignedTrailer, noLength: true}, "0\r\n\r\n", MissingLength},
	} {
		c.chunk = 10
		r, _ := c.encode(t)
		if got := refusalOf(t, what, r, []byte(c.body)).Reason; got != c.want {
			t.Errorf("%s: reason %d, want %d", what, got, c.want)
		}
	}
}

// TestDetails: S3's error documents show what was signed here, and never the secret;
// other services get nothing.
func TestDetails(t *testing.T) {
	t.Parallel()
	signed := func(service string) *http.Request {
		r := newRequest(t, "GET", "http://example.com/bucket/key?a=b", nil)
		Sign(r, example, "us-east-1", service, EmptyPayload, noon)
		return r
	}
	r := signed("s3")
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "Signature=", "Signature=0", 1))
	got := map[string]string{}
	for _, d := range refusalOf(t, "mismatch", r, nil).Details {
		got[d.Name] = d.Value
		if strings.Contains(d.Value, example.Secret) {
			t.Errorf("%s holds the secret: %q", d.Name, d.Value)
		}
	}
	canonical := "GET\n/bucket/key\na=b\nhost:example.com\nx-amz-content-sha256:" + EmptyPayload +
		"\nx-amz-date:20261122T120000Z\n\nhost;x-amz-content-sha256;x-amz-date\n" + EmptyPayload
	for name, want := range map[string]string{
		"AWSAccessKeyId":   example.AccessKey,
		"CanonicalRequest": canonical,
		"StringToSign":     "AWS4-HMAC-SHA256\n20261122T120000Z\n20261122/us-east-1/s3/aws4_request\n" + HashPayload([]byte(canonical)),
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
	if !strings.HasPrefix(got["CanonicalRequestBytes"], "47 45 54 0a 2f ") {
		t.Errorf("CanonicalRequestBytes = %q, want 47 45 54 0a 2f …", got["CanonicalRequestBytes"])
	}

	sent := newRequest(t, "PUT", "http://example.com/bucket/key", nil)
	Sign(sent, example, "us-east-1", "s3", HashPayload([]byte("one")), noon)
	want := []Detail{
		{"ClientComputedContentSHA256", HashPayload([]byte("one"))},
		{"S3ComputedContentSHA256", HashPayload([]byte("two"))},
	}
	if got := refusalOf(t, "another body", sent, []byte("two")).Details; !slices.Equal(got, want) {
		t.Errorf("details of another body = %v, want %v", got, want)
	}

	json := signed("ses")
	json.Header.Set("X-Amz-Target", "unsigned")
	_, err := verify(verifierAt(noon.Add(time.Minute)), received(t, json, nil), "ses")
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Details != nil || fault.KindOf(err) != fault.BadSignature {
		t.Errorf("refusal of another service = %+v, want no details, BadSignature", refusal)
	}
}
