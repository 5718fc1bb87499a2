package pebblestore

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
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
		c.checkIndexed(key, row)
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
	for _, x := range jobIndexes {
		prefix := x.prefix(k.owner)
		_ = c.each(keyRange{prefix, after(prefix)}, x.name, func(key, _ []byte) error {
			if !bytes.HasSuffix(key, []byte(k.id)) {
				return nil
			}
			if of, ok := x.split(key); ok && of == k {
				add(key)
			}
			return nil
		})
	}
	c.tokensOf(k.owner, tokenOfJob, string(k.id), add)
	return keys
}

// checkIndexed checks that a job has its rows in the indexes.
func (c *rowCheck) checkIndexed(k jobKey, row *jobRow) {
	j := &row.Job
	if row.Token != nil {
		c.checkToken(jobName(k), keyOfToken(k.owner, tokenOfJob, string(j.Wire), *row.Token), *row.Token, string(k.id))
	}
	for _, x := range jobIndexes {
		if !x.has(j) {
			continue
		}
		if has, ok := c.has(x.key(j), x.name); ok && !has {
			why := ""
			if x == unfinishedJobs {
				why = ": no worker finds it"
			}
			c.found(IndexMissing, jobName(k), "is %s and missing from the %s%s", j.State, x.name, why)
		}
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
		c.found(JobCounts, jobName(k), "counts %d rejected records, %d are stored", p.Counts.Rejected, rejects)
	}
	if n := p.Counts.Imported + p.Counts.Rejected; p.Counts.Imported < 0 || p.Counts.Rejected < 0 || n != p.Checkpoint.Record {
		c.found(JobCounts, jobName(k), "counts %d imported and %d rejected records, its checkpoint %d in all",
			p.Counts.Imported, p.Counts.Rejected, p.Checkpoint.Record)
	}
	return nil
}

func (c *rowCheck) checkRejects(k jobKey, number uint64) (n int64, err error) {
	prefix := len(rejectPrefix(number))
	d := rejectReader{texts: map[string]string{}}
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
		var r record.Reject
		if err := d.read(v, &r); err != nil {
			c.foundAt(RowDamaged, jobName(k), [][]byte{bytes.Clone(key)}, "its reject of record %d does not decode", binary.BigEndian.Uint64(key[prefix:]))
		}
		return nil
	})
	return n, err
}

// checkJobIndexes checks that each index row of a job leads to one that it is for.
func (c *rowCheck) checkJobIndexes() error {
	for _, x := range jobIndexes {
		err := c.eachOf(x.table, x.name, func(k, state []byte) error {
			key, ok := x.split(k)
			if !ok {
				c.foundAt(RowUnknown, x.name+" "+digest(k), [][]byte{bytes.Clone(k)}, "%v", errBadKey)
				return nil
			}
			c.checkJobIndex(k, key, x.name, func(row *jobRow) bool {
				j := &row.Job
				return x.has(j) && bytes.Equal(x.key(j), k) && (!x.unfinished || string(state) == string(j.State))
			})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
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
