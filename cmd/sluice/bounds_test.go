package main

import "testing"

// TestConnectionsForOpenFiles: the default leaves files for the databases, and one for each
// connection that uploads.
func TestConnectionsForOpenFiles(t *testing.T) {
	t.Parallel()
	for files, want := range map[int]int{16: 16, 256: 64, 1024: 256, 4096: 1024, 1 << 20: 1024} {
		if got := connectionsFor(files); got != want {
			t.Errorf("connectionsFor(%d) = %d, want %d", files, got, want)
		}
	}
}

func TestBoundsAreChecked(t *testing.T) {
	t.Parallel()
	c, err := settled(t, []string{"--max-upload", "5GiB", "--max-uploads", "0"}, env{"SLUICE_MAX_CONNECTIONS": "77", "SLUICE_MIN_UPLOAD_RATE": "0"}, "max-rejections = 5\n")
	if err != nil || c.bounds.maxUpload.bytes != 5<<30 || c.bounds.uploads != 0 || c.bounds.connections != 77 || c.bounds.minUploadRate.bytes != 0 || c.bounds.maxRejections != 5 || c.bounds.maxUnpack != 200 {
		t.Errorf("bounds: %+v, %v, want those of flags, variables and file, and the defaults of the rest", c.bounds, err)
	}
	for _, name := range []string{"max-connections", "max-uploads", "max-uploads-per-link", "max-rejections", "max-unpack", "max-upload", "min-upload-rate"} {
		if _, err := settled(t, nil, nil, name+" = -1\n"); err == nil {
			t.Errorf("%s = -1: no error", name)
		}
	}
}
