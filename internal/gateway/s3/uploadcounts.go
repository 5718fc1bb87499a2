package s3

import (
	"sync"

	"github.com/sluicehq/sluice/internal/fault"
)

// uploadCounts counts the uploads that are running, by account and by presigned link.
type uploadCounts struct {
	perAccount, perLink int // the most at once; 0 is no limit

	mu      sync.Mutex
	running map[string]int
}

var (
	errManyOfAccount = fault.New(fault.Overloaded, "Please reduce your request rate: the account has as many uploads running as it may.")
	errManyOfLink    = fault.New(fault.Overloaded, "Please reduce your request rate: the presigned link has as many uploads running as it may.")
)

// begin counts an upload of an account, by a link unless that is empty, or refuses it.
// release counts it off again.
func (u *uploadCounts) begin(account, link string) (release func(), err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	account = "account " + account
	switch {
	case u.perAccount > 0 && u.running[account] >= u.perAccount:
		return nil, errManyOfAccount
	case link != "" && u.perLink > 0 && u.running[link] >= u.perLink:
		return nil, errManyOfLink
	}
	u.add(account, 1)
	u.add(link, 1)
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.add(account, -1)
		u.add(link, -1)
	}, nil
}

func (u *uploadCounts) add(name string, n int) {
	if u.running == nil {
		u.running = map[string]int{}
	}
	if u.running[name] += n; u.running[name] == 0 || name == "" {
		delete(u.running, name)
	}
}
