package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/sigv4"
	"github.com/sluicehq/sluice/internal/wire"
)

// exchange is what the access log and the metrics want to know of one request and
// its reply. Whoever learns something writes it down.
type exchange struct {
	id        string
	began     time.Time
	service   string
	operation string
	account   string
	key       string // the access key of the caller, once its signature holds
	requested string // what was asked for, if no operation was found
	status    int
	in, out   int64 // bytes of the two bodies
	err       error
	body      *body // of the request
	signature *sigv4.Signature
	hungUp    bool // the connection ended before the body did, and before there was a reply
}

type exchangeKey struct{}

func newExchange() *exchange {
	return &exchange{id: uuid.NewString(), began: time.Now(), service: "none"}
}

// Observe notes how a call went. It is the Observe of wire.Options, and of every
// handler behind the gateway.
func Observe(ctx context.Context, d wire.Done) {
	if e, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		e.service, e.operation, e.err = d.API, d.Operation, d.Err
		if d.Account != "" {
			e.account, e.key = d.Account, d.AccessKey
		}
	}
}

// reply counts what goes out, and moves the deadline for it along.
type reply struct {
	http.ResponseWriter
	exchange *exchange
	pace     pace
}

// Unwrap lets http.ResponseController find the connection.
func (w *reply) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *reply) WriteHeader(status int) {
	if status >= 200 && w.exchange.status == 0 { // 100 Continue is not yet the reply
		w.exchange.status = status
		if status >= 400 {
			w.exchange.body.drain()
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *reply) Write(p []byte) (int, error) {
	w.started()
	w.pace.step()
	n, err := w.ResponseWriter.Write(p)
	w.exchange.out += int64(n)
	if err != nil { // the connection is gone, or stands: nothing else can fail here
		err = fmt.Errorf("%w: %w", errHungUp, err)
	}
	return n, err
}

// errHungUp is the error of an exchange whose caller sends no more of the request, or takes
// no more of the reply.
var errHungUp = fault.New(fault.Canceled, "the caller hung up")

// stretch is how much may be sent under one deadline: with a Stall of a minute a
// caller must take 17 kB/s.
const stretch = 1 << 20

// ReadFrom keeps the kernel's way from a file to a socket open, which io.Copy takes
// when it can, in stretches that each have a deadline of their own.
func (w *reply) ReadFrom(src io.Reader) (int64, error) {
	direct, ok := w.ResponseWriter.(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{w}, src)
	}
	w.started()
	// The kernel's way is taken for a file or a part of one; a part of a part is not
	// recognised, so the part that http.ServeContent makes is taken apart.
	left := int64(1<<63 - 1)
	limited, part := src.(*io.LimitedReader)
	if part {
		src, left = limited.R, limited.N
	}
	var total int64
	for left > 0 {
		w.pace.step()
		n, err := direct.ReadFrom(&io.LimitedReader{R: src, N: min(stretch, left)})
		total, left = total+n, left-n
		w.exchange.out += n
		if part {
			limited.N = left
		}
		if err != nil || n < stretch {
			return total, err
		}
	}
	return total, nil
}

// started notes the status that net/http chooses when a handler names none.
func (w *reply) started() {
	if w.exchange.status == 0 {
		w.exchange.status = http.StatusOK
	}
}

// end gives what net/http still has to send a deadline, unless the last Write set one just
// now.
func (w *reply) end() { w.pace.step() }

// body counts what comes in, and moves the deadline for it along.
type body struct {
	io.ReadCloser
	exchange *exchange
	pace     pace
	length   int64 // as announced, -1 if it is not
	expects  bool  // the caller waits for a 100 Continue
	begun    bool
	done     bool
}

// track puts the deadlines of a request in place. A request without a body has none
// for reading: while its handler runs, net/http waits for the connection's end, and
// must not take a deadline for that.
func track(w *reply, r *http.Request, stall time.Duration, rate int64) *body {
	conn := http.NewResponseController(w.ResponseWriter)
	w.pace = pace{set: conn.SetWriteDeadline, stall: stall}
	b := &body{
		ReadCloser: r.Body, exchange: w.exchange, pace: pace{set: conn.SetReadDeadline, stall: stall, rate: rate},
		length: r.ContentLength, expects: expectsContinue(r),
	}
	w.exchange.body = b
	if r.Body == nil || r.Body == http.NoBody {
		b.done = true
		return b
	}
	b.pace.step()
	r.Body = b
	return b
}

func (b *body) Read(p []byte) (int, error) {
	b.begun = true
	if !b.done {
		b.pace.step()
	}
	n, err := b.ReadCloser.Read(p)
	b.exchange.in += int64(n)
	b.pace.moved += int64(n)
	if err != nil && !b.done {
		b.done = true
		switch {
		case errors.Is(err, io.EOF):
			b.pace.stop()
		case errors.Is(err, os.ErrDeadlineExceeded): // it stays over: nothing more is waited for
			err = fmt.Errorf("%w: %w", errBodyLate, err)
		default:
			b.exchange.hungUp = b.exchange.status == 0 && isConnectionEnd(err)
		}
	}
	return n, err
}

// isConnectionEnd reports whether a body could not be read because its sender is gone.
func isConnectionEnd(err error) bool {
	var network *net.OpError
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

var errBodyLate = fault.New(fault.RequestTimeout, "The body of the request did not arrive in time.")

// within gives the whole body one deadline, where all of it is read before anything is
// done.
func (b *body) within(d time.Duration) {
	if !b.done {
		b.pace.fix(d)
	}
}

// end gives a rest of the body, which net/http reads away, a deadline of its own.
func (b *body) end() {
	if !b.done {
		b.pace.restart()
	}
}

// pace moves a deadline along as bytes move. A whole transfer has no deadline: ten
// gigabytes take as long as they take.
type pace struct {
	set   func(time.Time) error
	stall time.Duration
	last  time.Time
	fixed bool // the deadline does not move

	rate  int64 // bytes a second that must move for the deadline to move
	moved int64 // bytes since it did
}

// step is called before bytes are waited for. To set a deadline costs more than to
// read a buffer, so it moves by a sixteenth at least.
func (p *pace) step() {
	now := time.Now()
	if passed := now.Sub(p.last); !p.fixed && passed >= p.stall/16 && p.isFast(passed) {
		p.move(now)
	}
}

// isFast reports whether enough bytes have moved in the time since the deadline did.
func (p *pace) isFast(passed time.Duration) bool {
	return p.last.IsZero() || float64(p.moved) >= float64(p.rate)*passed.Seconds()
}

func (p *pace) restart() { p.move(time.Now()) }

// fix sets a deadline that bytes do not move.
func (p *pace) fix(d time.Duration) {
	p.fixed = true
	_ = p.set(time.Now().Add(d))
}

// stop takes the deadline away.
func (p *pace) stop() { _ = p.set(time.Time{}) }

// move sets the deadline. Where there is no connection, as in tests, there is
// nothing to set.
func (p *pace) move(now time.Time) {
	p.last, p.moved = now, 0
	_ = p.set(now.Add(p.stall))
}
