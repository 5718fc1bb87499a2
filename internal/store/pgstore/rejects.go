package pgstore

import (
	"context"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
)

// rejectRows is an unfinished statement that stores rejects: their columns.
type rejectRows struct {
	record, line, byte, code, reason, key, raw, size array
}

func (c *rejectRows) reset() {
	for _, a := range []*array{&c.record, &c.line, &c.byte, &c.size} {
		a.reset(typeNumber)
	}
	for _, a := range []*array{&c.code, &c.reason} {
		a.reset(typeText)
	}
	for _, a := range []*array{&c.key, &c.raw} {
		a.reset(typeBlob)
	}
}

func (c *rejectRows) add(r *record.Reject) {
	c.record.addNumber(r.Record)
	c.line.addNumber(r.Line)
	c.byte.addNumber(r.Offset)
	c.code.addText(r.Code)
	c.reason.addText(r.Reason)
	c.key.add(r.Key)
	c.raw.add(r.Raw)
	c.size.addNumber(r.Length)
}

// planRejects plans to store a batch's rejects, and the changes that were refused, of
// which it tells the number.
func (p *prepared) planRejects(b *store.Batch, refused []*record.Refusal) (commands []command, late int) {
	var rows rejectRows
	rows.reset()
	add := func(r record.Reject) {
		if rows.add(&r); rows.record.full() || rows.raw.full() {
			commands = append(commands, p.rejectCommand(&rows))
		}
	}
	for i := range b.Rejects() {
		add(b.RejectAt(i))
	}
	for i, why := range refused {
		if why != nil {
			late++
			add(b.RejectOf(i, why))
		}
	}
	if rows.record.n > 0 {
		commands = append(commands, p.rejectCommand(&rows))
	}
	return commands, late
}

func (p *prepared) rejectCommand(c *rejectRows) command {
	defer c.reset()
	return command{
		sqlPutRejects,
		[][]byte{
			numberArg(p.job), c.record.bytes(), c.line.bytes(), c.byte.bytes(),
			c.code.bytes(), c.reason.bytes(), c.key.bytes(), c.raw.bytes(), c.size.bytes(),
		},
		[]uint32{typeNumber, typeNumbers, typeNumbers, typeNumbers, typeTexts, typeTexts, typeBlobs, typeBlobs, typeNumbers},
		int64(c.record.n),
	}
}

const sqlRejects = `SELECT record, line, byte, code, reason, key, raw, coalesce(size, octet_length(raw)) FROM rejects
	WHERE job = $1 AND record > $2 ORDER BY record LIMIT $3`

// What is read at once of a job's rejects: it bounds memory, and no connection is held
// while the caller works on them.
const (
	rejectsAtOnce = 1000
	rejectBytes   = 4 << 20
)

// Rejects implements store.Work.
func (s *Store) Rejects(ctx context.Context, o job.Owner, id job.ID) iter.Seq2[record.Reject, error] {
	return func(yield func(record.Reject, error) bool) {
		number, err := s.jobNumber(ctx, o, id)
		last := int64(-1)
		var some []record.Reject
		for more := true; more && err == nil; {
			some, more, err = s.rejectsFrom(ctx, number, last, some)
			for i := range some {
				if err == nil && !yield(some[i], nil) {
					return
				}
				last = some[i].Record
			}
		}
		if err == nil { // Deleted meanwhile, the job must not look as if these were all.
			var now int64
			if now, err = s.jobNumber(ctx, o, id); err == nil && now != number {
				err = noJob(id)
			}
		}
		if err != nil {
			yield(record.Reject{}, err)
		}
	}
}

func (s *Store) jobNumber(ctx context.Context, o job.Owner, id job.ID) (number int64, err error) {
	err = s.statement(ctx, func(ctx context.Context, a *attempt) error {
		row, err := jobBy(ctx, a, sqlJob, o, id)
		if err == nil {
			number = row.number
		}
		return err
	})
	return number, err
}

// rejectsFrom reads rejects of records behind the last one into some; more tells
// whether there may be others behind them.
func (s *Store) rejectsFrom(ctx context.Context, job, last int64, some []record.Reject) (_ []record.Reject, more bool, err error) {
	err = s.statement(ctx, func(ctx context.Context, a *attempt) error {
		some, more = some[:0], false
		rows, err := a.Query(ctx, sqlRejects, job, last, rejectsAtOnce)
		if err != nil {
			return err
		}
		size := 0
		return eachRow(rows, func(row pgx.Row) error {
			if size >= rejectBytes { // these will be read again
				return nil
			}
			var r record.Reject
			err := row.Scan(&r.Record, &r.Line, &r.Offset, &r.Code, &r.Reason, &r.Key, &r.Raw, &r.Length)
			some = append(some, r)
			size += len(r.Key) + len(r.Raw)
			more = size >= rejectBytes || len(some) == rejectsAtOnce
			return err
		})
	})
	return some, more, err
}
