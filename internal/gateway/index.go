package gateway

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/gateway/jobs"
	"github.com/sluicehq/sluice/internal/gateway/snapshots"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/wire"
)

// Service is something that requests are for, with the names of its operations.
type Service struct {
	Name       string
	Operations []string
}

// services lists what is served.
func services(p Parts) []Service {
	var all []Service
	if p.Refuse != nil { // this server only works on jobs
		return []Service{{Name: serviceOwn, Operations: []string{opLive, opReady, opMetrics, opIndex}}}
	}
	for _, api := range p.APIs {
		s := Service{Name: api.Name}
		for _, op := range api.Operations {
			s.Operations = append(s.Operations, op.Name)
		}
		all = append(all, s)
	}
	if p.S3Operations != nil {
		all = append(all, Service{serviceS3, p.S3Operations})
	}
	own := Service{Name: serviceOwn, Operations: append(jobs.Operations(), snapshots.Operation)}
	own.Operations = append(own.Operations, opLive, opReady, opMetrics, opIndex)
	return append(all, own)
}

const greeting = `This is Sluice: bulk imports into lists, by the APIs of AWS.
It answers signed requests of an AWS SDK or the AWS CLI, pointed here:

    eval "$(sluice env)"
    aws mailmanager list-address-lists

GET /readyz says whether everything works, /livez whether the process answers,
/metrics how it fares.
`

// index is the text of GET /: what this is, and the operations that are served.
func index(served []Service) string {
	var b strings.Builder
	b.WriteString(greeting)
	for _, s := range served {
		fmt.Fprintf(&b, "\n%s\n", s.Name)
		for _, operation := range s.Operations {
			fmt.Fprintf(&b, "    %s\n", operation)
		}
	}
	return b.String()
}

func (g *Gateway) showIndex(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, g.index)
	}
}

// isPerson reports whether r comes from a browser or curl, and not from an AWS client.
func isPerson(r *http.Request) bool {
	return r.Header.Get("Authorization") == "" && r.Header.Get("X-Amz-Target") == ""
}

var errUnserved = fault.New(fault.UnknownOperation, "this operation is not served here; GET / lists those that are")

// lost answers a request that is for no service: people with a text, programs with the
// error that they understand.
func (g *Gateway) lost(w http.ResponseWriter, r *http.Request, e *exchange, m wire.Match) {
	e.requested = requested(r, e.signature)
	if isPerson(r) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		if r.Method != http.MethodHead {
			_, _ = io.WriteString(w, "nothing is here; GET / lists what is served.\n\n"+greeting)
		}
		return
	}
	e.err = errUnserved
	if g.parts.Refuse != nil {
		e.err = g.parts.Refuse
	}
	wire.WriteFault(w, r, m, e.err)
}

// The form of what is logged of a request that no operation was found for. A path may
// hold addresses: it is shown as far as its segments are plain words.
var (
	targetForm  = regexp.MustCompile(`\A[A-Za-z0-9_]{1,64}\.[A-Za-z0-9_]{1,64}\z`)
	segmentForm = regexp.MustCompile(`\A[A-Za-z][A-Za-z-]{0,31}\z|\Av[0-9]{1,2}\z`)
	serviceForm = regexp.MustCompile(`\A[a-z0-9-]{1,32}\z`)
)

const shownSegments = 4

// requested returns what a request asks for, within bounds: the service that it is signed
// for, and the target, or the method and the beginning of the path.
func requested(r *http.Request, sig *sigv4.Signature) string {
	text := ""
	if service := sig.Service(); serviceForm.MatchString(service) {
		text = service + " "
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		if !targetForm.MatchString(target) {
			target = "(target of another form)"
		}
		return text + target
	}
	text += verb(r.Method) + " "
	for i, segment := range strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/") {
		if i == shownSegments || segment != "" && !segmentForm.MatchString(segment) {
			return text + "/…"
		}
		text += "/" + segment
	}
	return text
}
