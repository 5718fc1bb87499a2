package pebblestore

import "sync"

// locks is a lock for each key that somebody holds or waits for. It takes no memory
// for the others.
//
// Order, where a method needs several: owner, job, list, member. The queue's and the
// counts' own mutexes come last and are never held during I/O.
type locks[K comparable] struct {
	mu   sync.Mutex
	used map[K]*usedLock
}

type usedLock struct {
	sync.RWMutex
	users int
}

// lock locks k for one, and returns what unlocks it.
func (l *locks[K]) lock(k K) (unlock func()) {
	u := l.use(k)
	u.Lock()
	return func() { u.Unlock(); l.leave(k, u) }
}

// share locks k for many: only those who lock it for one are kept out.
func (l *locks[K]) share(k K) (unlock func()) {
	u := l.use(k)
	u.RLock()
	return func() { u.RUnlock(); l.leave(k, u) }
}

func (l *locks[K]) use(k K) *usedLock {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.used == nil {
		l.used = make(map[K]*usedLock)
	}
	u := l.used[k]
	if u == nil {
		u = new(usedLock)
		l.used[k] = u
	}
	u.users++
	return u
}

func (l *locks[K]) leave(k K, u *usedLock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if u.users--; u.users == 0 {
		delete(l.used, k)
	}
}
