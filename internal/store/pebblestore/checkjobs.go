package pebblestore

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/job"
)

// checkJobs reads every job with its progress and rejects.
func (c *rowCheck) checkJobs() error {
	return c.eachOf(tableJobs, "jobs", func(k, v []byte) error {
		o, id, err := splitOwner(k)
		if err != nil {
			c.foundAt(RowUnknown, "job "+digest(k), [][]byte{bytes.Clone(k)}, "%v", err)
			return nil
		}
		key := jobKey{owner: o, id: job.ID(id)}
		c.totals.Jobs++
		row, problem := decodeJobRow(key, v)
		if problem != nil {
			c.foundAt(RowDamaged, jobName(key), c.rowsOfJob(key), "%v", problem)
			return nil
		}
		c.number(&c.jobs, row.Number, jobName(key))
		c.checkJobIndexes(key, row)
		return c.checkWork(key, row)
	})
}

// decodeJobRow reads a row and compares it with its key.
func decodeJobRow(k jobKey, v []byte) (*jobRow, error) {
	row := new(jobRow)
	if err := json.Unmarshal(v, row); err != nil {
		return nil, fmt.Errorf("the row does not decode: %w", err)
	}
	if row.Job.Owner != k.owner || row.Job.ID != k.id {
		return nil, fmt.Errorf("the row is that of job %s", printable(string(row.Job.ID)))
	}
	if !slices.Contains(jobStates, row.Job.State) {
		return nil, fmt.Errorf("the row has the unknown state %s", printable(string(row.Job.State)))
	}
	return row, nil
}

var jobStates = []job.State{job.Created, job.Processing, job.Completed, job.Failed, job.Stopped}

// rowsOfJob returns the keys of a job whose row is damaged, and of the index rows that
// refer to it.
func (c *rowCheck) rowsOfJob(k jobKey) [][]byte {
	keys := [][]byte{keyOfJob(k)}
	add := func(key []byte) { keys = append(keys, bytes.Clone(key)) }
	for _, table := range []byte{tableJobOrder, tableUnfinished} {
		prefix := ownerPrefix(table, k.owner)
		_ = c.each(keyRange{prefix, after(prefix)}, "index of jobs", func(key, _ []byte) error {
			if bytes.HasSuffix(key, []byte(k.id)) && indexedJob(table, key) == k {
				add(key)
			}
			return nil
		})
	}
	c.tokensOf(k.owner, tokenOfJob, string(k.id), add)
	return keys
}

// indexedJob returns the job that a row of an index of jobs refers to.
func indexedJob(table byte, key []byte) jobKey {
	if table == tableUnfinished {
		k, _ := splitUnfinished(key)
		return k
	}
	o, rest, err := splitOwner(key)
	if err != nil || len(rest) < timeLen {
		return jobKey{}
	}
	return jobKey{owner: o, id: job.ID(rest[timeLen:])}
}

func (c *rowCheck) checkJobIndexes(k jobKey, row *jobRow) {
	j := &row.Job
	if row.Token != nil {
		c.checkToken(jobName(k), keyOfToken(k.owner, tokenOfJob, string(j.Wire), *row.Token), *row.Token, string(k.id))
	}
	if has, ok := c.has(keyOfJobOrder(j), "index of jobs"); ok && !has {
		c.found(IndexMissing, jobName(k), "is missing from the list of jobs")
	}
	if j.State.Final() {
		return
	}
	if has, ok := c.has(keyOfUnfinished(j), "index of unfinished jobs"); ok && !has {
		c.found(IndexMissing, jobName(k), "is %s and missing from the index of unfinished jobs: no worker finds it", j.State)
	}
}

func (c *rowCheck) has(key []byte, what string) (has, ok bool) {
	v, ok := c.get(key, what)
	return v != nil, ok
}

// checkWork compares a job's counts with the rejects that are stored.
func (c *rowCheck) checkWork(k jobKey, row *jobRow) error {
	text, ok := c.get(keyOfProgress(row.Number), jobName(k))
	if !ok {
		return nil
	}
	var p progress
	if text != nil {
		if err := json.Unmarshal(text, &p); err != nil {
			c.foundAt(RowDamaged, jobName(k), append(c.rowsOfJob(k), keyOfProgress(row.Number)), "its counts do not decode: %v", err)
			return nil
		}
	}
	rejects, err := c.checkRejects(k, row.Number)
	if err != nil {
		return err
	}
	if rejects != p.Counts.Rejected {
		c.found(JobCounts, jobName(k), "counts %d refused records, %d are stored", p.Counts.Rejected, rejects)
	}
	if n := p.Counts.Imported + p.Counts.Rejected; p.Counts.Imported < 0 || p.Counts.Rejected < 0 || n != p.Checkpoint.Record {
		c.found(JobCounts, jobName(k), "counts %d imported and %d refused records, its checkpoint %d in all",
			p.Counts.Imported, p.Counts.Rejected, p.Checkpoint.Record)
	}
	return nil
}

func (c *rowCheck) checkRejects(k jobKey, number uint64) (n int64, err error) {
	prefix := len(rejectPrefix(number))
	d := rejectReader{words: map[string]string{}}
	err = c.each(keyRange{appendNumber([]byte{tableWork}, number), appendNumber([]byte{tableWork}, number+1)}, "rejects of "+jobName(k), func(key, v []byte) error {
		if bytes.Equal(key, keyOfProgress(number)) {
			return nil
		}
		if len(key) != prefix+8 || key[prefix-1] != workRejects {
			c.foundAt(RowUnknown, jobName(k), [][]byte{bytes.Clone(key)}, "has a row %x that is neither progress nor a reject", key)
			return nil
		}
		n++
		c.totals.Rejects++
		var r destination.Reject
		if err := d.read(v, &r); err != nil {
			c.foundAt(RowDamaged, jobName(k), [][]byte{bytes.Clone(key)}, "its reject of record %d does not decode", binary.BigEndian.Uint64(key[prefix:]))
		}
		return nil
	})
	return n, err
}

func (c *rowCheck) checkJobOrder() error {
	return c.eachOf(tableJobOrder, "list of jobs", func(k, _ []byte) error {
		key := indexedJob(tableJobOrder, k)
		if key.id == "" {
			c.foundAt(RowUnknown, "list of jobs "+digest(k), [][]byte{bytes.Clone(k)}, "%v", errBadKey)
			return nil
		}
		c.checkJobIndex(k, key, "list of jobs", func(row *jobRow) bool { return bytes.Equal(keyOfJobOrder(&row.Job), k) })
		return nil
	})
}

func (c *rowCheck) checkUnfinished() error {
	return c.eachOf(tableUnfinished, "index of unfinished jobs", func(k, _ []byte) error {
		key, ok := splitUnfinished(k)
		if !ok {
			c.foundAt(RowUnknown, "index of unfinished jobs "+digest(k), [][]byte{bytes.Clone(k)}, "%v", errBadKey)
			return nil
		}
		c.checkJobIndex(k, key, "index of unfinished jobs", func(row *jobRow) bool {
			return !row.Job.State.Final() && bytes.Equal(keyOfUnfinished(&row.Job), k)
		})
		return nil
	})
}

// checkJobIndex checks that an index row leads to a job, and to one that it is for.
func (c *rowCheck) checkJobIndex(row []byte, k jobKey, what string, fits func(*jobRow) bool) {
	v, ok := c.get(keyOfJob(k), jobName(k))
	if !ok {
		return
	}
	if v == nil {
		c.foundAt(IndexDangling, jobName(k), [][]byte{bytes.Clone(row)}, "is in the %s and does not exist", what)
		return
	}
	if job, err := decodeJobRow(k, v); err == nil && !fits(job) {
		c.foundAt(IndexDangling, jobName(k), [][]byte{bytes.Clone(row)}, "is in the %s where it does not belong: it is %s", what, job.Job.State)
	}
}
