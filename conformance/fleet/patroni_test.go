package fleet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
	"github.com/sluicehq/sluice/internal/testenv"
)

// cluster is two PostgreSQL under Patroni, which has its state in an etcd, and the way to
// whichever is the primary.
type cluster struct {
	t       *testing.T
	etcd    string // its address
	etcdDir string
	store   *daemon
	members []*member
	way     *proxy // to the primary, as a balancer that asks Patroni
	stop    chan struct{}
	all     sync.WaitGroup
}

// member is one PostgreSQL and its Patroni.
type member struct {
	name, rest, address, dir, config string
	patroni                          *daemon
}

// newCluster starts a cluster with synchronous replication. Where Patroni or etcd are not
// installed the test is skipped, see testenv.Missing.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	for _, program := range []string{"patroni", "etcd"} {
		if _, err := exec.LookPath(program); err != nil {
			testenv.Missing(t, "Patroni or etcd")
		}
	}
	c := &cluster{t: t, etcd: freeAddress(t), etcdDir: openDir(t), stop: make(chan struct{})}
	c.startEtcd()
	for _, name := range []string{"a", "b"} {
		m := &member{name: name, rest: freeAddress(t), address: freeAddress(t), dir: openDir(t)}
		m.config = filepath.Join(m.dir, "patroni.yml")
		if err := os.WriteFile(m.config, []byte(c.configOf(m)), 0o644); err != nil {
			t.Fatal(err)
		}
		c.members = append(c.members, m)
	}
	c.way = newProxy(t, c.members[0].address, 0)
	t.Cleanup(c.end)
	c.start(c.members[0])
	within(t, soon, "the first member is the primary", c.members[0].isPrimary)
	c.start(c.members[1])
	c.settled()
	c.all.Go(c.balance)
	return c
}

func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := testenv.Port()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

func (c *cluster) startEtcd() {
	c.t.Helper()
	peer := freeAddress(c.t)
	c.store = runUnprivileged(c.t, "etcd", c.etcdDir, nil, "etcd", "--data-dir", filepath.Join(c.etcdDir, "data"), "--name", "one",
		"--listen-client-urls", "http://"+c.etcd, "--advertise-client-urls", "http://"+c.etcd,
		"--listen-peer-urls", "http://"+peer, "--initial-advertise-peer-urls", "http://"+peer, "--initial-cluster", "one=http://"+peer,
		"--unsafe-no-fsync", "--logger", "zap")
	within(c.t, soon, "etcd answers", func() bool { return status("http://"+c.etcd+"/health") == http.StatusOK })
}

func (c *cluster) configOf(m *member) string {
	return fmt.Sprintf(`scope: sluice
name: %[1]s
restapi: {listen: "%[2]s", connect_address: "%[2]s"}
etcd3: {hosts: "%[3]s"}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 5
    retry_timeout: 5
    synchronous_mode: true
    postgresql: {use_pg_rewind: true}
  initdb: [{encoding: UTF8}, {auth: trust}, {locale: C.UTF-8}, no-sync]
postgresql:
  listen: "%[4]s"
  connect_address: "%[4]s"
  data_dir: %[5]s/data
  bin_dir: %[6]s
  pgpass: %[5]s/pgpass
  authentication:
    superuser: {username: sluice, password: none}
    replication: {username: replicator, password: none}
  pg_hba: ["local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]
  parameters: {unix_socket_directories: %[5]s, fsync: "off", max_connections: 200, shared_buffers: 64MB}
`, m.name, m.rest, c.etcd, m.address, m.dir, pgtest.Binaries(c.t))
}

func (c *cluster) start(m *member) {
	c.t.Helper()
	m.patroni = runUnprivileged(c.t, "Patroni "+m.name, m.dir, []string{"LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"}, "/usr/bin/env", "patroni", m.config)
}

// killAll ends a member's Patroni and its PostgreSQL with -9, as if its machine had lost power.
func (m *member) killAll() {
	m.patroni.kill()
	text, err := os.ReadFile(filepath.Join(m.dir, "data", "postmaster.pid"))
	if err != nil {
		return
	}
	line, _, _ := strings.Cut(string(text), "\n")
	if pid, err := strconv.Atoi(line); err == nil && pid > 1 {
		_ = syscall.Kill(pid, syscall.SIGQUIT) // which its children hear of, and end
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func (c *cluster) end() {
	close(c.stop)
	c.all.Wait()
	for _, m := range c.members {
		if m.patroni != nil {
			m.killAll()
		}
	}
}

var probes = http.Client{Timeout: time.Second}

// status returns the status of an answer, 0 if there is none.
func status(url string) int {
	resp, err := probes.Get(url)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

func (m *member) isPrimary() bool { return status("http://"+m.rest+"/primary") == http.StatusOK }

// primary returns the primary, nil if there is none at the moment.
func (c *cluster) primary() *member {
	for _, m := range c.members {
		if m.isPrimary() {
			return m
		}
	}
	return nil
}

// settled waits until there are a primary and a synchronous standby, which may take its
// place.
func (c *cluster) settled() {
	c.t.Helper()
	within(c.t, soon, "there is a synchronous standby", func() bool {
		for _, m := range c.members {
			if status("http://"+m.rest+"/sync") == http.StatusOK {
				return c.primary() != nil
			}
		}
		return false
	})
}

// balance sends connections to the primary and cuts those to a former one, as haproxy does
// with the check of Patroni's manual.
func (c *cluster) balance() {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	now := c.members[0]
	for {
		select {
		case <-c.stop:
			return
		case <-tick.C:
		}
		p := c.primary()
		if p == now {
			continue
		}
		if p != nil {
			c.way.aim(p.address)
		}
		c.way.set(cuts)
		if p != nil {
			c.way.set(carries)
		}
		now = p
	}
}

// failOver ends the primary, waits for the other to take its place, and brings the first
// back as its standby.
func (c *cluster) failOver() {
	c.t.Helper()
	c.settled()
	former := c.primary()
	former.killAll()
	within(c.t, soon, "the standby is the primary", func() bool { p := c.primary(); return p != nil && p != former })
	c.start(former)
	c.settled()
}

// switchOver has the standby take the primary's place in good order.
func (c *cluster) switchOver() {
	c.t.Helper()
	c.settled()
	former := c.primary()
	body, _ := json.Marshal(map[string]string{"leader": former.name}) // it cannot fail
	patient := http.Client{Timeout: soon}
	resp, err := patient.Post("http://"+former.rest+"/switchover", "application/json", bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	resp.Body.Close()
	within(c.t, soon, "the standby is the primary", func() bool { p := c.primary(); return p != nil && p != former })
	c.settled()
}

// loseEtcd takes etcd away until Patroni has made its primary a standby, and longer than
// its lock lives.
func (c *cluster) loseEtcd() {
	c.t.Helper()
	c.settled()
	c.store.kill()
	lost := time.Now()
	within(c.t, soon, "there is no primary", func() bool { return c.primary() == nil && time.Since(lost) > 20*time.Second })
	c.startEtcd()
	c.settled()
}
