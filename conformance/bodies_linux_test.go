package conformance

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// peakMemory is the largest resident memory that the process has had, in bytes.
func (s *server) peakMemory(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				t.Fatalf("read peak memory: %v", err)
			}
			return kib << 10
		}
	}
	t.Fatal("no VmHWM in /proc/PID/status")
	return 0
}

// wrongSecret is a request header signed with the right key id and a wrong secret, for a
// body of the given length whose hash is not a header, as SDKs send it.
func (s *server) wrongSecret(t *testing.T, length int64) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/", strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "MailManagerSvc.ListAddressLists")
	r.ContentLength = length
	key := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: "a secret that is not the right one"}
	if err := v4.NewSigner().SignHTTP(t.Context(), key, r, strings.Repeat("0", 64), "ses", region, time.Now()); err != nil {
		t.Fatal(err)
	}
	var head strings.Builder
	fmt.Fprintf(&head, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", r.URL.Host, length)
	if err := r.Header.Write(&head); err != nil {
		t.Fatal(err)
	}
	return head.String() + "\r\n"
}

// TestBodiesWithoutTheSecret: callers that have no secret, and hold back the last byte of
// a body that must be read before the signature can be verified, take little memory and
// little time, and keep nobody else waiting.
func TestBodiesWithoutTheSecret(t *testing.T) {
	t.Parallel()
	const connections, bound = 60, 100 << 20
	for _, length := range []int64{10<<20 - 1, 1 << 20, 64 << 10} {
		t.Run(fmt.Sprint(length), func(t *testing.T) {
			t.Parallel()
			s := start(t)
			head := s.wrongSecret(t, length)
			began := time.Now()
			var callers sync.WaitGroup
			statuses := make([]int, connections)
			for i := range statuses {
				callers.Go(func() { statuses[i] = s.send(t, head, length-1) })
			}
			// Meanwhile a caller that has the secret is served.
			if out := s.client(t, t.TempDir(), binary, "jobs"); strings.Contains(out, "error") {
				t.Errorf("sluice jobs beside the others: %s", out)
			}
			callers.Wait()
			took := time.Since(began)
			answers := map[int]int{}
			for _, status := range statuses {
				answers[status]++
			}
			peak := s.peakMemory(t)
			t.Logf("%d bodies of %d bytes: answers %v within %v, peak memory %d MiB", connections, length, answers, took.Round(time.Millisecond), peak>>20)
			for status := range answers {
				if status != http.StatusRequestEntityTooLarge && status != http.StatusRequestTimeout && status != http.StatusServiceUnavailable && status != 0 {
					t.Errorf("answers: %v, want 413, 408 or 503", answers)
				}
			}
			if peak >= bound {
				t.Errorf("peak memory: %d MiB, want less than %d", peak>>20, bound>>20)
			}
			if took > 40*time.Second {
				t.Errorf("the last was answered after %v, want seconds", took)
			}
			if log := s.log.String(); strings.Contains(log, "level=ERROR") {
				t.Error("the log has a line at ERROR")
			}
		})
	}
}

// send sends a header and n bytes, and returns the status of the answer; 0 if the
// connection was cut instead.
func (s *server) send(t *testing.T, head string, n int64) int {
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Error(err)
		return 0
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(90 * time.Second))
	_, _ = io.WriteString(conn, head)
	go func() { _, _ = io.Copy(conn, io.LimitReader(spaces{}, n)) }() // until it is refused
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	answer.Body.Close()
	if answer.StatusCode == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	return answer.StatusCode
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
