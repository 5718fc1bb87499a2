package conformance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// caller sends signed requests.
type caller struct {
	base string
	keys aws.Credentials
}

// call sends one request, with a body unless it is empty, and returns status and reply;
// a request that gets none has the status 0.
func (c *caller) call(ctx context.Context, service, method, path, body string, header ...string) (int, string) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	sum := sha256.Sum256([]byte(body))
	hash := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Content-Sha256", hash)
	err = v4.NewSigner().SignHTTP(ctx, c.keys, r, hash, service, "us-east-1", time.Now(),
		func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	if err != nil {
		return 0, err.Error()
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "no reply"
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		text = append(text, " cut off"...)
	}
	if service == "s3" {
		for _, h := range []string{"ETag", "Content-Type", "X-Amz-Meta-Color", "Content-Length"} {
			text = append(text, " "+h+"="+resp.Header.Get(h)...)
		}
	}
	return resp.StatusCode, string(text)
}

func (c *caller) mail(ctx context.Context, operation, body string) (int, string) {
	return c.call(ctx, "ses", "POST", "/", body, "X-Amz-Target", "MailManagerSvc."+operation, "Content-Type", "application/x-amz-json-1.0")
}

// differing is what may differ between two replies to the same question.
var differing = regexp.MustCompile(`X-Amz-(Date|Signature|Credential|Security-Token)=[^&"]*|http://127\.0\.0\.1:\d+|` +
	`"(CompletedTimestamp|urlExpiry|lastModifiedTime|finished|seconds)":("[^"]*"|[0-9.E+]+),?|` +
	`"(NextToken|nextToken|next)":"[^"]*"|<(RequestId|HostId)>[^<]*|"requestId":"[^"]*"|request [0-9A-Za-z-]{10,}`)

// replies are all that a server has to say, by question.
type replies map[string]string

func (a replies) add(question string, status int, text string) {
	a[question] = fmt.Sprint(status, " ", differing.ReplaceAllString(text, "~"))
}

// ask collects all replies of all APIs.
func (c *caller) ask(ctx context.Context) replies {
	a := replies{}
	c.askJobs(ctx, a)
	c.askMail(ctx, a)
	c.askSES(ctx, a)
	c.askConnect(ctx, a)
	c.askS3(ctx, a)
	return a
}

// pages asks for every page of a listing; send gets the token of the page before.
func (a replies) pages(question, token string, send func(token string) (int, string)) []string {
	next, all := "", []string{}
	for n := 1; ; n++ {
		status, text := send(next)
		a.add(fmt.Sprint(question, " page ", n), status, text)
		all = append(all, text)
		var page map[string]any
		_ = json.Unmarshal([]byte(text), &page)
		next, _ = page[token].(string)
		if next == "" || n == 1000 {
			return all
		}
	}
}

// each returns the texts of a member, wherever it is in JSON.
func each(texts []string, member string) (values []string) {
	for _, text := range texts {
		for _, m := range regexp.MustCompile(`"`+member+`":"([^"]*)"`).FindAllStringSubmatch(text, -1) {
			values = append(values, m[1])
		}
	}
	return values
}

func (c *caller) askJobs(ctx context.Context, a replies) {
	pages := a.pages("jobs", "next", func(token string) (int, string) {
		return c.call(ctx, "sluice", "GET", "/sluice/v1/jobs?next="+url.QueryEscape(token), "")
	})
	for _, id := range each(pages, "id") {
		status, text := c.call(ctx, "sluice", "GET", "/sluice/v1/jobs/"+id+"/report", "")
		a.add("report of "+id, status, text)
	}
}

func (c *caller) askMail(ctx context.Context, a replies) {
	page := func(operation, more string) func(string) (int, string) {
		return func(token string) (int, string) {
			body := `{"PageSize":100` + more
			if token != "" {
				body += `,"NextToken":"` + token + `"`
			}
			return c.mail(ctx, operation, body+"}")
		}
	}
	lists := a.pages("address lists", "NextToken", page("ListAddressLists", ""))
	for _, id := range each(lists, "AddressListId") {
		arg := `,"AddressListId":"` + id + `"`
		a.pages("members of "+id, "NextToken", page("ListMembersOfAddressList", arg))
		a.pages("import jobs of "+id, "NextToken", page("ListAddressListImportJobs", arg))
		status, text := c.mail(ctx, "GetMemberOfAddressList", `{"AddressListId":"`+id+`","Address":"a5@example.com"}`)
		a.add("member of "+id, status, text)
	}
}

func (c *caller) askSES(ctx context.Context, a replies) {
	get := func(path string) func(string) (int, string) {
		return func(token string) (int, string) {
			return c.call(ctx, "ses", "GET", path+"&NextToken="+url.QueryEscape(token), "")
		}
	}
	a.pages("suppressed", "NextToken", get("/v2/email/suppression/addresses?PageSize=1000"))
	lists := a.pages("contact lists", "NextToken", get("/v2/email/contact-lists?PageSize=100"))
	for _, name := range each(lists, "ContactListName") {
		a.pages("contacts of "+name, "NextToken", func(token string) (int, string) {
			body, _ := json.Marshal(map[string]any{"PageSize": 100, "NextToken": token})
			if token == "" {
				body = []byte(`{"PageSize":100}`)
			}
			return c.call(ctx, "ses", "POST", "/v2/email/contact-lists/"+name+"/contacts/list", string(body), "Content-Type", "application/json")
		})
		status, text := c.call(ctx, "ses", "GET", "/v2/email/contact-lists/"+name, "")
		a.add("contact list "+name, status, text)
		for _, address := range []string{"c1@example.com", "single@example.com"} {
			status, text = c.call(ctx, "ses", "GET", "/v2/email/contact-lists/"+name+"/contacts/"+address, "")
			a.add("contact "+address+" of "+name, status, text)
		}
	}
}

func (c *caller) askConnect(ctx context.Context, a replies) {
	get := func(path string) func(string) (int, string) {
		return func(token string) (int, string) {
			return c.call(ctx, "wisdom", "GET", path+"?maxResults=100&nextToken="+url.QueryEscape(token), "")
		}
	}
	bases := a.pages("knowledge bases", "nextToken", get("/knowledgeBases"))
	for _, id := range each(bases, "knowledgeBaseId") {
		path := "/knowledgeBases/" + id
		all := a.pages("quick responses of "+id, "nextToken", get(path+"/quickResponses"))
		a.pages("imports of "+id, "nextToken", get(path+"/importJobs"))
		for _, response := range each(all, "quickResponseId") {
			status, text := c.call(ctx, "wisdom", "GET", path+"/quickResponses/"+response, "")
			a.add("quick response "+response, status, text)
		}
	}
}

func (c *caller) askS3(ctx context.Context, a replies) {
	status, text := c.call(ctx, "s3", "GET", "/", "")
	a.add("buckets", status, text)
	for _, bucket := range regexp.MustCompile(`<Name>([^<]*)</Name>`).FindAllStringSubmatch(text, -1) {
		root := "/" + bucket[1]
		status, text := c.call(ctx, "s3", "GET", root+"?uploads=", "")
		a.add("uploads of "+root, status, text)
		for _, u := range regexp.MustCompile(`<Key>([^<]*)</Key><UploadId>([^<]*)</UploadId>`).FindAllStringSubmatch(text, -1) {
			status, text := c.call(ctx, "s3", "GET", root+"/"+u[1]+"?uploadId="+u[2], "")
			a.add("parts of "+u[1], status, text)
		}
		status, text = c.call(ctx, "s3", "GET", root+"?list-type=2", "")
		a.add("objects of "+root, status, text)
		for _, key := range regexp.MustCompile(`<Key>([^<]*)</Key>`).FindAllStringSubmatch(text, -1) {
			status, text := c.call(ctx, "s3", "GET", root+"/"+key[1], "")
			sum := sha256.Sum256([]byte(text))
			if status == http.StatusOK {
				text = hex.EncodeToString(sum[:])
			}
			a.add("object "+root+"/"+key[1], status, text)
		}
	}
}

// settled waits until every job that was started has ended, or nothing is answered.
func (c *caller) settled(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		running := false
		status, text := c.call(ctx, "sluice", "GET", "/sluice/v1/jobs", "")
		var page struct {
			Jobs []struct{ State, API string }
		}
		if status != http.StatusOK || json.Unmarshal([]byte(text), &page) != nil {
			return
		}
		for _, j := range page.Jobs {
			running = running || j.State == "processing" || j.State == "created" && j.API != "mailmanager"
		}
		if !running {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
