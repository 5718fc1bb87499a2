package fleet

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
	"github.com/sluicehq/sluice/internal/testenv"
)

const (
	lease = 3 * time.Second
	// soon is how long anything is waited for: far longer than it takes, even on a machine
	// that has much else to do.
	soon = 3 * time.Minute
	// A file comes to a node so slowly that an import lasts as long as a fault, on few records.
	sourceRate = 120 << 10
	sources    = "sources" // the bucket of the files
)

// node is a node of the fleet, and the networks that it is on.
type node struct {
	*process
	toStore, toObjects *proxy
}

// fleet is some nodes, their database and their S3.
type fleet struct {
	t        *testing.T
	random   *rand.Rand
	server   *pgtest.Server
	database string // the way to it that no fault touches
	endpoint string // of the S3, the same
	files    *s3.Client
	nodes    []*node
}

// healthy waits until all nodes can answer again.
func (f *fleet) healthy() {
	f.t.Helper()
	for _, n := range f.nodes {
		within(f.t, soon, n.name+" is healthy", n.healthy)
	}
}

// newFleet starts some nodes. Their S3 is another server's endpoint if none is given.
func newFleet(t *testing.T, nodes int, endpoint string, flags ...string) *fleet {
	t.Helper()
	if endpoint == "" {
		endpoint = startS3(t)
	}
	f := newFleetWithoutNodes(t, endpoint, pgtest.New(t))
	for range nodes {
		f.addNode(flags...)
	}
	for _, n := range f.nodes {
		n.start()
	}
	return f
}

func newFleetWithoutNodes(t *testing.T, endpoint string, server *pgtest.Server) *fleet {
	t.Helper()
	f := &fleet{t: t, random: testenv.Rand(t), server: server, endpoint: endpoint, files: fileClient(endpoint)}
	f.database = f.server.URL(t)
	f.makeSources()
	return f
}

// addNode adds a node that was not started.
func (f *fleet) addNode(flags ...string) {
	f.t.Helper()
	f.nodes = append(f.nodes, newNode(f.t, fmt.Sprint("node ", len(f.nodes)+1), f.database, f.endpoint, flags...))
}

// makeSources makes the bucket of the files.
func (f *fleet) makeSources() {
	f.t.Helper()
	if _, err := f.files.CreateBucket(f.t.Context(), &s3.CreateBucketInput{Bucket: aws.String(sources)}); err != nil {
		f.t.Fatal(err)
	}
}

func fileClient(endpoint string) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &endpoint, Region: "us-east-1", UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(s3Key, s3Secret, ""),
	})
}

// startS3 starts a server for its S3 endpoint alone, and returns where that is.
func startS3(t *testing.T, flags ...string) string {
	t.Helper()
	p := newProcess(t, "S3", []string{"SLUICE_ACCESS_KEY_ID=" + s3Key, "SLUICE_SECRET_ACCESS_KEY=" + s3Secret}, flags...)
	p.start()
	return p.address()
}

func newNode(t *testing.T, name, database, endpoint string, flags ...string) *node {
	t.Helper()
	at, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{toStore: newProxy(t, at.Host, 0), toObjects: newProxy(t, endpoint, sourceRate)}
	at.Host = n.toStore.address
	objects := url.Values{
		"endpoint": {"http://" + n.toObjects.address}, "public-endpoint": {endpoint},
		"region": {"us-east-1"}, "path-style": {"true"},
	}
	n.process = newProcess(t, name, []string{
		"SLUICE_ACCESS_KEY_ID=" + rootKey, "SLUICE_SECRET_ACCESS_KEY=" + rootSecret,
		"AWS_ACCESS_KEY_ID=" + s3Key, "AWS_SECRET_ACCESS_KEY=" + s3Secret,
	}, append([]string{
		"--store", at.String() + "&pool_max_conns=8", "--objects", "s3://work?" + objects.Encode(),
		"--lease", lease.String(), "--jobs", "2",
	}, flags...)...)
	return n
}

// any returns one of the nodes.
func (f *fleet) any() *node { return f.nodes[f.random.IntN(len(f.nodes))] }

// progress is how far a job is, as the database knows.
type progress struct {
	state  string
	term   int64
	record int64
}

func (p progress) final() bool { return p.state == "completed" || p.state == "failed" }

// beyond reports whether somebody has got on with the job under a later term than p's.
func (p progress) beyond(before progress) bool {
	return p.final() || p.term > before.term && p.record > before.record
}

// progress returns how far a job is. A database that is away for the moment is waited for.
func (f *fleet) progress(id string) (p progress) {
	f.t.Helper()
	within(f.t, soon, "the database answers how far job "+id+" is", func() bool {
		ctx, cancel := context.WithTimeout(f.t.Context(), 5*time.Second)
		defer cancel()
		c, err := pgx.Connect(ctx, f.database)
		if err != nil {
			return false
		}
		defer c.Close(ctx)
		err = c.QueryRow(ctx, "SELECT state, term, at_record FROM jobs WHERE id = $1", id).Scan(&p.state, &p.term, &p.record)
		return err == nil
	})
	return p
}

// within waits for done, asking again and again, and fails the test after the limit.
func within(t *testing.T, limit time.Duration, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited %v in vain until %s", limit, what)
		case <-tick.C:
		}
	}
}
