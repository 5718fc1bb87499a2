package pebblestore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
)

// A reject's value in the database: line and offset as varints, then code, reason,
// key and raw record, each with its length before it; and if that is only the beginning
// of the record, the length of the whole. The record's number is in its key.

func appendReject(b []byte, r *record.Reject) []byte {
	b = binary.AppendUvarint(b, uint64(r.Line))
	b = binary.AppendUvarint(b, uint64(r.Offset))
	b = appendField(b, r.Code)
	b = appendField(b, r.Reason)
	b = binary.AppendUvarint(b, uint64(len(r.Key)))
	b = append(b, r.Key...)
	b = binary.AppendUvarint(b, uint64(len(r.Raw)))
	b = append(b, r.Raw...)
	if r.Length > int64(len(r.Raw)) {
		b = binary.AppendUvarint(b, uint64(r.Length))
	}
	return b
}

var errReject = errors.New("a reject in the database is damaged")

// rejectReader takes rejects apart. It keeps the few codes and reasons there are, so
// that a reject costs no memory of its own.
type rejectReader struct {
	texts map[string]string
}

// maxTexts bounds what a rejectReader keeps.
const maxTexts = 1024

func (d *rejectReader) read(v []byte, r *record.Reject) error {
	line, n := binary.Uvarint(v)
	if n <= 0 {
		return errReject
	}
	v = v[n:]
	offset, n := binary.Uvarint(v)
	if n <= 0 {
		return errReject
	}
	v = v[n:]
	r.Line, r.Offset = int64(line), int64(offset)
	var parts [4][]byte
	for i := range parts {
		size, n := binary.Uvarint(v)
		if n <= 0 || size > uint64(len(v)-n) {
			return errReject
		}
		parts[i], v = v[n:n+int(size)], v[n+int(size):]
	}
	r.Code, r.Reason, r.Key, r.Raw = d.text(parts[0]), d.text(parts[1]), parts[2], parts[3]
	r.Length = int64(len(r.Raw))
	if len(v) > 0 {
		length, n := binary.Uvarint(v)
		if n != len(v) || length <= uint64(len(r.Raw)) {
			return errReject
		}
		r.Length = int64(length)
	}
	return nil
}

func (d *rejectReader) text(b []byte) string {
	if w, ok := d.texts[string(b)]; ok {
		return w
	}
	w := string(b)
	if len(d.texts) < maxTexts {
		d.texts[w] = w
	}
	return w
}

// Rejects implements store.Work.
func (s *Store) Rejects(ctx context.Context, o job.Owner, id job.ID) iter.Seq2[record.Reject, error] {
	return func(yield func(record.Reject, error) bool) {
		if err := s.eachReject(ctx, jobKey{owner: o, id: id}, yield); err != nil {
			yield(record.Reject{}, err)
		}
	}
}

// eachReject returns nil when yield wants no more.
func (s *Store) eachReject(ctx context.Context, k jobKey, yield func(record.Reject, error) bool) error {
	row, err := s.jobRow(s.db, k)
	if err != nil {
		return err
	}
	prefix, all := rejectPrefix(row.Number), rejectRange(row.Number)
	it, err := s.db.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: all.start, UpperBound: all.end})
	if err != nil {
		return fmt.Errorf("read rejects: %w", err)
	}
	defer it.Close()
	// Deleted meanwhile, the job must not look as if it had no rejects.
	if _, err := s.jobRow(s.db, k); err != nil {
		return err
	}
	d := rejectReader{texts: make(map[string]string)}
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("read rejects: %w", err)
		}
		number := it.Key()[len(prefix):]
		if len(number) != 8 {
			return errReject
		}
		r := record.Reject{Record: int64(binary.BigEndian.Uint64(number))}
		if err := d.read(v, &r); err != nil {
			return err
		}
		if !yield(r, nil) {
			return nil
		}
	}
	return it.Error()
}
