package pebblestore

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// The rows of released directories: they must be read as they were meant, for ever.
// Add a row when a release writes another form; never change one.
const (
	goldenJob = `{"Job":{"ID":"job-1","Owner":{"Account":"000000000000","Region":"us-east-1"},"Wire":"mailmanager","Name":"first",` +
		`"Destination":{"Kind":"address-list","List":"al-1","Action":"PUT"},` +
		`"Source":{"Bucket":"sluice","Key":"uploads/job-1","Version":"v1","ETag":"e1","Size":9,"Format":"CSV"},` +
		`"State":"failed","Ready":false,"Counts":{"Imported":0,"Rejected":0},` +
		`"Checkpoint":{"Record":0,"Line":0,"Offset":0,"Layout":""},` +
		`"Created":"2026-01-02T03:04:05Z","Started":"2026-01-02T03:04:06Z","Finished":"2026-01-02T03:04:07Z",` +
		`"Error":"why","Report":"reports/job-1.csv","Tags":{"a":"1"},` +
		`"Lease":{"Owner":{"Account":"","Region":""},"Job":"","Term":3,"Holder":"","Until":"0001-01-01T00:00:00Z"}},` +
		`"Number":7,"Turn":8}`
	goldenTokenJob = `{"Job":{"ID":"job-2","Owner":{"Account":"000000000000","Region":"us-east-1"},"Wire":"qconnect",` +
		`"State":"completed","Config":"e30="},"Number":10,"Turn":11,"Token":"t"}`
	goldenProgress = `{"Counts":{"Imported":5,"Rejected":6},"Checkpoint":{"Record":11,"Line":12,"Offset":345,"Layout":"address"}}`
	goldenList     = `{"List":{"Ref":{"Owner":{"Account":"000000000000","Region":"us-east-1"},"Kind":"address-list","ID":"al-1"},"Name":"partners",` +
		`"Created":"2026-01-02T03:04:05Z","Updated":"2026-01-02T03:04:06Z","Config":"e30=","Tags":null},"Number":9,"Token":"t"}`
)

func TestRowsOfFormerReleases(t *testing.T) {
	t.Parallel()
	at := func(second int) time.Time { return time.Date(2026, 1, 2, 3, 4, second, 0, time.UTC) }
	owner := job.Owner{Account: "000000000000", Region: "us-east-1"}
	token := "t"
	for _, c := range []struct {
		name, row string
		into      any
		want      any
	}{
		{"job", goldenJob, new(jobRow), &jobRow{Number: 7, Turn: 8, Job: job.Job{
			ID: "job-1", Owner: owner, Wire: job.MailManager, Name: "first",
			Destination: job.Destination{Kind: job.AddressList, List: "al-1", Action: job.Put},
			Source:      job.Source{Bucket: "sluice", Key: "uploads/job-1", Version: "v1", ETag: "e1", Size: 9, Format: record.CSV},
			State:       job.Failed, Created: at(5), Started: at(6), Finished: at(7),
			Error: "why", Report: "reports/job-1.csv", Tags: map[string]string{"a": "1"}, Lease: job.Lease{Term: 3},
		}}},
		{"job with a token", goldenTokenJob, new(jobRow), &jobRow{Number: 10, Turn: 11, Token: &token, Job: job.Job{
			ID: "job-2", Owner: owner, Wire: job.QConnect, State: job.Completed, Config: []byte("{}"),
		}}},
		{"progress", goldenProgress, new(progress), &progress{
			Counts:     job.Counts{Imported: 5, Rejected: 6},
			Checkpoint: record.Position{Record: 11, Line: 12, Offset: 345, Layout: "address"},
		}},
		{"list", goldenList, new(listRow), &listRow{Number: 9, Token: "t", List: store.List{
			Ref: store.ListRef{Owner: owner, Kind: job.AddressList, ID: "al-1"}, Name: "partners",
			Created: at(5), Updated: at(6), Config: []byte("{}"),
		}}},
	} {
		if err := json.Unmarshal([]byte(c.row), c.into); err != nil || !reflect.DeepEqual(c.into, c.want) {
			t.Errorf("read %s: %+v, %v; want %+v", c.name, c.into, err, c.want)
		}
	}
}
