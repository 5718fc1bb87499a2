package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// size is a flag of bytes, written as 200MiB, 1GB or 1048576.
type size struct {
	bytes int64
	set   bool
}

// units are the factors of the suffixes, the longest first.
var units = []struct {
	name   string
	factor float64
}{
	{"kib", 1 << 10},
	{"mib", 1 << 20},
	{"gib", 1 << 30},
	{"tib", 1 << 40},
	{"kb", 1e3},
	{"mb", 1e6},
	{"gb", 1e9},
	{"tb", 1e12},
	{"b", 1},
	{"", 1},
}

// maxSize is more than any file system has.
const maxSize = 1 << 60

func (s *size) Set(text string) error {
	text = strings.ToLower(strings.TrimSpace(text))
	for _, u := range units {
		number, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(n >= 0) {
			break
		}
		if n*u.factor >= maxSize {
			return errors.New("must be less than 1EiB")
		}
		s.bytes, s.set = int64(n*u.factor), true
		return nil
	}
	return errors.New("must be a size, such as 200MiB")
}

func (s *size) String() string {
	if !s.set {
		return ""
	}
	for i := 3; i >= 0; i-- {
		if unit := int64(units[i].factor); s.bytes >= unit && s.bytes%unit == 0 {
			return fmt.Sprintf("%d%s", s.bytes/unit, strings.ToUpper(units[i].name[:1])+"iB")
		}
	}
	return strconv.FormatInt(s.bytes, 10)
}

func (*size) Type() string { return "size" }
