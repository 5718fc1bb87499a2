package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"

	pebbleapi "github.com/cockroachdb/pebble/v2"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sluicehq/sluice/internal/pebbledb"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
)

// damageJob is the command "damagejob STORE": it overwrites the row of one ended job in the
// store of a stopped server.
func damageJob(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: damagejob STORE")
	}
	db, err := pebbledb.Open(ts.MkAbs(args[0]), &pebbleapi.Options{
		Merger: pebblestore.Merger(), FormatMajorVersion: pebbleapi.FormatValueSeparation,
	}, pebbledb.Options{Name: "store"})
	ts.Check(err)
	it, err := db.NewIter(&pebbleapi.IterOptions{LowerBound: []byte("j"), UpperBound: []byte("k")})
	ts.Check(err)
	if !it.First() {
		ts.Fatalf("the store has no job")
	}
	key := bytes.Clone(it.Key())
	ts.Check(errors.Join(it.Close(), db.Set(key, []byte("{junk"), pebbleapi.Sync), db.Close()))
}

// flipByte is the command "flipbyte PATTERN": it changes the byte in the middle of the
// largest file that matches.
func flipByte(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flipbyte PATTERN")
	}
	names, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	var largest string
	var size int64
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && info.Size() > size {
			largest, size = name, info.Size()
		}
	}
	if size == 0 {
		ts.Fatalf("no file matches %s", args[0])
	}
	f, err := os.OpenFile(largest, os.O_RDWR, 0)
	ts.Check(err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, size/2)
	ts.Check(err)
	b[0] ^= 0x40
	_, err = f.WriteAt(b, size/2)
	ts.Check(errors.Join(err, f.Close()))
}
