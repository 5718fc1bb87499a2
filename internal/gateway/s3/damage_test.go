package s3

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
)

// flipLastByte changes the last byte of the only blob in the store.
func flipLastByte(t *testing.T, dir string) {
	t.Helper()
	blobs, err := filepath.Glob(filepath.Join(dir, "blobs", "*"))
	if err != nil || len(blobs) != 1 {
		t.Fatalf("blobs are %v, %v; want one", blobs, err)
	}
	text, err := os.ReadFile(blobs[0])
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)-1] ^= 1
	if err := os.WriteFile(blobs[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedObject reads an object of 2.5 MiB with a wrong byte at its end: what cannot
// be verified is never sent.
func TestDamagedObject(t *testing.T) {
	t.Parallel()
	const size, damaged = 5 << 19, 2 << 20
	var log bytes.Buffer
	e := start(t, false, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	c := e.client(root)
	e.do(t, e.signed(t, http.MethodPut, "/uploads", nil))
	text := bytes.Repeat([]byte("somebody@example.com\n"), size/21+1)[:size]
	e.do(t, e.signed(t, http.MethodPut, "/uploads/k", text))
	flipLastByte(t, e.dir)

	sentence := fmt.Sprintf("stored object is damaged at byte %d", damaged)
	for _, tt := range []struct {
		bytes  string
		status int
		want   []byte // before the reply is cut, if it is
		cut    bool
	}{
		{"", http.StatusOK, text[:damaged], true},
		{"0-", http.StatusPartialContent, text[:damaged], true},
		{"100-2097151", http.StatusPartialContent, text[100:damaged], false},
		{"100-2097152", http.StatusPartialContent, text[100:damaged], true},
		{"1048576-2621439", http.StatusPartialContent, text[damaged/2 : damaged], true},
		{"2097152-2097152", http.StatusInternalServerError, nil, false},
		{"-1", http.StatusInternalServerError, nil, false},
	} {
		r := e.signed(t, http.MethodGet, "/uploads/k", nil)
		if tt.bytes != "" {
			r.Header.Set("Range", "bytes="+tt.bytes)
		}
		res, err := e.Client().Do(r)
		if err != nil {
			t.Fatalf("GET: %v", err)
		}
		got, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if tt.status == http.StatusInternalServerError {
			if res.StatusCode != tt.status || !strings.Contains(string(got), "<Code>InternalError</Code><Message>"+sentence+"</Message>") ||
				res.Header.Get("ETag") != "" || res.Header.Get("Content-Range") != "" {
				t.Errorf("GET of bytes %q: %s %v %s, want 500 and %s", tt.bytes, res.Status, res.Header, got, sentence)
			}
			continue
		}
		if res.StatusCode != tt.status || !bytes.Equal(got, tt.want) || (err != nil) != tt.cut {
			t.Errorf("GET of bytes %q: %s, %d bytes, %v; want %d, %d bytes, cut: %t", tt.bytes, res.Status, len(got), err, tt.status, len(tt.want), tt.cut)
		}
	}

	u, err := c.CreateMultipartUpload(t.Context(), &sdk.CreateMultipartUploadInput{Bucket: aws.String("uploads"), Key: aws.String("copy")})
	if err != nil {
		t.Fatalf("CreateMultipartUpload: %v", err)
	}
	for piece, want := range map[string]string{"bytes=0-2097151": "", "bytes=0-2621439": sentence} {
		_, err = c.UploadPartCopy(t.Context(), &sdk.UploadPartCopyInput{
			Bucket: aws.String("uploads"), Key: aws.String("copy"), UploadId: u.UploadId, PartNumber: aws.Int32(1),
			CopySource: aws.String("uploads/k"), CopySourceRange: aws.String(piece),
		})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("UploadPartCopy of %s: %v, want %q", piece, err, want)
		}
	}
	if strings.Contains(log.String(), "ERROR") {
		t.Errorf("the endpoint logs what the store has logged already:\n%s", &log)
	}
}
