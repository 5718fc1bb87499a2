package wire

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/sluicehq/sluice/internal/caller"
	"github.com/sluicehq/sluice/internal/fault"
)

// defaultMaxBody is far above any request that the tables allow: the largest, a call
// with 200 tags, stays below 100 KiB.
const defaultMaxBody = 1 << 20

// Options say how a Mux serves. The zero value works.
type Options struct {
	MaxBody int64                       // bytes of a request's body; 0 is 1 MiB
	Observe func(context.Context, Done) // told of every call after its reply; may be nil
}

// Done is a call that has been answered.
type Done struct {
	API, Operation string
	Status         int
	// Err is nil when all went well. Log the text of one that is ours only: what a
	// caller may read can name an address that the caller sent.
	Err error
	// Account is the caller's, if the handler asked for itself who is calling, and not
	// the gateway before it.
	Account   string
	AccessKey string // of that caller
}

// Serve answers r, for which Match returned m and true. It reads the body to its
// end; an error of the reader that has a kind, such as fault.BodyMismatch, is the
// answer. Put the caller into r's context first.
func (m *Mux) Serve(w http.ResponseWriter, r *http.Request, match Match) {
	out, err := m.call(r, match)
	status := match.Operation.Status
	if err != nil {
		status = WriteFault(w, r, match, err)
	} else {
		var body Writer
		out.Write(&body)
		reply(w, r, match.API, status, body.buf)
	}
	if m.opts.Observe != nil {
		m.opts.Observe(r.Context(), Done{
			API: match.API.Name, Operation: match.Operation.Name, Status: status, Err: err,
		})
	}
}

func (m *Mux) call(r *http.Request, match Match) (Output, error) {
	body, err := m.body(r)
	if err != nil {
		return nil, err
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fault.New(fault.Malformed, "query string cannot be read")
	}
	if err := checkText(query, match.labels); err != nil {
		return nil, err
	}
	in := &Reader{body: body, query: query, labels: match.labels, moved: match.moved}
	return match.Operation.Invoke(r.Context(), in)
}

func (m *Mux) body(r *http.Request) ([]byte, error) {
	limit := m.opts.MaxBody
	if limit == 0 {
		limit = defaultMaxBody
	}
	if r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, errTooLarge(limit)
	}
	var buf bytes.Buffer
	_, err := io.Copy(&buf, io.LimitReader(r.Body, limit+1))
	switch {
	case err != nil && fault.KindOf(err) != fault.Internal:
		return nil, err
	case err != nil:
		return nil, fault.New(fault.Malformed, "body ended after %d bytes", buf.Len())
	case int64(buf.Len()) > limit:
		return nil, errTooLarge(limit)
	}
	return buf.Bytes(), nil
}

func errTooLarge(limit int64) error {
	return fault.New(fault.TooLarge, "body is larger than %d bytes", limit)
}

// reply sends a body, or none where the status forbids it. The request id is the
// caller's, unless whoever called has set the header already.
func reply(w http.ResponseWriter, r *http.Request, api *API, status int, body []byte) {
	h := w.Header()
	if id := caller.FromContext(r.Context()).RequestID; id != "" && h.Get(RequestIDHeader) != id {
		h.Set(RequestIDHeader, id)
	}
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	contentType := "application/json"
	if api != nil && api.Protocol == AwsJSON {
		contentType = "application/x-amz-json-1.0"
	}
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// A caller that has gone away is no error of ours: the call is done either way.
	_, _ = w.Write(body)
}
