package main

import (
	"bufio"
	"errors"
	"os"
	"strconv"
)

// writeRows writes a suppression file of n rows in no order, about 43 bytes each.
func writeRows(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	var row []byte
	for i := range n {
		row = append(address(row[:0], i, n), reasons[i%2]...)
		if _, err := out.Write(row); err != nil {
			break // Flush tells
		}
	}
	return errors.Join(out.Flush(), f.Close())
}

var (
	reasons = [...]string{",BOUNCE\n", ",COMPLAINT\n"}
	hosts   = [...]string{"example.com", "mail.example.org", "post.example.net", "lists.example"}
)

// address appends the address of row i of n: every number once, scattered by a
// multiplication with a prime, so that no sorting gets its work for nothing.
func address(b []byte, i, n int) []byte {
	scattered := uint64(i) * 2_654_435_761 % uint64(n)
	b = append(b, "recipient."...)
	b = strconv.AppendUint(b, scattered, 36)
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(i%1000), 10)
	b = append(b, '@')
	return append(b, hosts[i%len(hosts)]...)
}
