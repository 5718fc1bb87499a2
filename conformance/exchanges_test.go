package conformance

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestExchanges sends what is recorded in testdata/exchanges, each request with a fresh
// signature, and compares the replies with the recorded ones; -update rewrites those.
//
// A file is a conversation in a region of its own, named after the file, so it finds
// nothing and leaves nothing to others. Its sections are
//
//	flags           of the server; without them a server is shared
//	request         as the client sent it: line, headers that matter, body
//	until WORD      a request that is repeated until the reply holds "WORD", in quotes
//	times N         a request that is sent N times, with <n> for its number, and whose
//	                replies are not looked at
//	reply           what came back on the request before
//
// A request whose line ends in the word unsigned is not signed. What differs from run to
// run has a name in angle brackets, the same wherever the same thing is meant: <id 1>,
// <link 1>; <time> is any. Requests use the names that replies before have introduced.
func TestExchanges(t *testing.T) {
	t.Parallel()
	shared := start(t) // until this test ends, and that is after its subtests
	paths, err := filepath.Glob("testdata/exchanges/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no exchanges: %v", err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runExchange(t, shared, path, "xx-"+name)
		})
	}
}

// exchange is a conversation as it goes on.
type recorded struct {
	server *server
	region string
	names  []named // what replies have brought, in the order of their coming
}

// named is something that differs from run to run. Links to one thing have one name,
// which stands for the last of them.
type named struct{ name, same, value string }

func runExchange(t *testing.T, shared *server, path, region string) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	e := &recorded{server: shared, region: region}
	got := &txtar.Archive{Comment: archive.Comment}
	for _, f := range archive.Files {
		if f.Name == "reply" {
			continue // each request brings its own
		}
		got.Files = append(got.Files, f)
		verb, arg, _ := strings.Cut(f.Name, " ")
		switch verb {
		case "flags":
			e.server = start(t, strings.Fields(string(f.Data))...)
		case "request":
			got.Files = append(got.Files, txtar.File{Name: "reply", Data: []byte(e.send(t, f.Data, 0))})
		case "until":
			var reply string
			within(t, 2*time.Minute, "a reply has "+arg, func() bool {
				trial := *e // names count only from the last reply
				if reply = trial.send(t, f.Data, 0); !strings.Contains(reply, `"`+arg+`"`) {
					return false
				}
				*e = trial
				return true
			})
			got.Files = append(got.Files, txtar.File{Name: "reply", Data: []byte(reply)})
		case "times":
			n, err := strconv.Atoi(arg)
			if err != nil {
				t.Fatalf("section %q: %v", f.Name, err)
			}
			for i := range n {
				trial := *e
				trial.send(t, f.Data, i+1)
			}
		default:
			t.Fatalf("section %q is none that this test knows", f.Name)
		}
	}
	compare(t, path, txtar.Format(archive), txtar.Format(got))
}

// compare compares a file with what came of it, or writes it.
func compare(t *testing.T, path string, want, got []byte) {
	t.Helper()
	switch {
	case bytes.Equal(want, got):
	case *update:
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s: the conversation went\n%s\nwant\n%s", path, got, want)
	}
}

// send sends one recorded request and returns the reply as it is recorded.
func (e *recorded) send(t *testing.T, recorded []byte, n int) string {
	t.Helper()
	text := strings.ReplaceAll(string(recorded), "<n>", strconv.Itoa(n))
	for _, known := range e.names {
		text = strings.ReplaceAll(text, known.name, known.value)
	}
	head, body, _ := strings.Cut(text, "\n\n")
	body = strings.TrimSuffix(body, "\n")
	lines := bufio.NewScanner(strings.NewReader(head))
	lines.Scan()
	line := strings.Fields(lines.Text())
	if len(line) < 2 {
		t.Fatalf("%q is no request line", lines.Text())
	}
	method, target, unsigned := line[0], line[1], len(line) > 2
	if strings.HasPrefix(target, "/") {
		target = e.server.URL + target
	} else {
		unsigned = true // a link carries its permission in itself
	}
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		req.Header.Set(name, value)
	}
	if !unsigned {
		e.sign(t, req, body)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if id := resp.Header.Get("X-Amzn-Requestid"); !unsigned && len(id) != 36 {
		t.Errorf("%s %s: request id %q, want a UUID", method, line[1], id)
	}
	return e.record(resp, answer)
}

// sign signs a request as AWS's Go client does.
func (e *recorded) sign(t *testing.T, req *http.Request, body string) {
	t.Helper()
	service := "s3"
	switch root, _, _ := strings.Cut(req.URL.Path[1:], "/"); {
	case req.Header.Get("X-Amz-Target") != "", root == "v2":
		service = "ses"
	case root == "knowledgeBases", root == "tags":
		service = "wisdom"
	}
	sum := sha256.Sum256([]byte(body))
	hash := hex.EncodeToString(sum[:])
	req.Header.Set("X-Amz-Content-Sha256", hash)
	keys := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}
	err := v4.NewSigner().SignHTTP(t.Context(), keys, req, hash, service, e.region, time.Now(),
		func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	if err != nil {
		t.Fatal(err)
	}
}

// replyHeaders are the headers of a reply that clients act on.
var replyHeaders = []string{"Content-Type", "X-Amzn-Errortype", "Retry-After"}

// record writes a reply with names for what differs from run to run.
func (e *recorded) record(resp *http.Response, body []byte) string {
	var b strings.Builder
	fmt.Fprintln(&b, resp.StatusCode)
	for _, name := range replyHeaders {
		if value := resp.Header.Get(name); value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	if len(body) > 0 {
		fmt.Fprintf(&b, "\n%s\n", bytes.TrimSuffix(body, []byte("\n")))
	}
	text := b.String()
	for _, v := range varying {
		text = v.pattern.ReplaceAllStringFunc(text, func(value string) string { return e.name(v.text, value) })
	}
	return text
}

// varying is what differs from run to run, the longer things first: links hold ids.
var varying = []struct {
	text    string // a thing has a number after it, but for a time
	pattern *regexp.Regexp
}{
	{"link", regexp.MustCompile(`http://127\.0\.0\.1:\d+/[^"\s]*`)},
	{"token", regexp.MustCompile(`(?:"[nN]extToken":)"[^"]+"`)},
	{"id", regexp.MustCompile(`[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b(?:al|job)-[0-9a-z]{24}\b`)},
	{"time", regexp.MustCompile(`\b1\d{9}(?:\.\d{1,3})?\b`)},
}

// name returns the name of a thing, which is a new one for what has not been seen.
func (e *recorded) name(text, value string) string {
	if text == "time" {
		return "<time>"
	}
	if text == "token" {
		member, token, _ := strings.Cut(value, ":")
		return member + `:"` + e.name("page", strings.Trim(token, `"`)) + `"`
	}
	same := moment.ReplaceAllString(value, "")
	n := 1
	for i, known := range e.names {
		if known.same == same {
			e.names = slices.Clone(e.names)
			e.names[i].value = value
			return known.name
		}
		if strings.HasPrefix(known.name, "<"+text+" ") {
			n++
		}
	}
	name := fmt.Sprintf("<%s %d>", text, n)
	e.names = append(slices.Clip(e.names), named{name, same, value})
	return name
}

// moment is what two links to one thing differ in.
var moment = regexp.MustCompile(`X-Amz-(Date|Signature)=[^&]*`)
