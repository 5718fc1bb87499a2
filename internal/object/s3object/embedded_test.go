package s3object_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	gateway "github.com/sluicehq/sluice/internal/gateway/s3"
	"github.com/sluicehq/sluice/internal/object"
	"github.com/sluicehq/sluice/internal/object/diskobject"
	"github.com/sluicehq/sluice/internal/object/objecttest"
	"github.com/sluicehq/sluice/internal/object/s3object"
	"github.com/sluicehq/sluice/internal/sigv4"
)

// embedded starts the endpoint that another node of ours has.
func embedded(t testing.TB, secure bool) *httptest.Server {
	t.Helper()
	disk, err := diskobject.Open(t.TempDir(), diskobject.Options{})
	if err != nil {
		t.Fatalf("open the disk: %v", err)
	}
	key := sigv4.Credentials{AccessKey: foreignKey, Secret: foreignSecret, Account: "000000000000"}
	lookup := func(id string) (sigv4.Credentials, bool) { return key, id == key.AccessKey }
	handler := gateway.New(disk, sigv4.NewVerifier(lookup, sigv4.Options{}), gateway.Options{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeSigned(w, r, sigv4.Parse(r))
	}))
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(func() {
		server.Close()
		if err := disk.Close(); err != nil {
			t.Errorf("close the disk: %v", err)
		}
	})
	return server
}

// The embedded endpoint of another node is an S3 like any other, one without versions.
func TestSuiteOfEmbedded(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"http": false, "https": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objecttest.Run(t, func(t *testing.T) object.Store {
				skipUnkept(t)
				server := embedded(t, secure)
				r := newRig(t, server.URL)
				return &renamed{Store: r.open(s3object.Options{HTTPClient: server.Client()}), rig: r}
			})
		})
	}
}
