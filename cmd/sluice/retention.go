package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/sluicehq/sluice/internal/node"
)

// retention is how long what is not needed any more is kept.
type retention struct{ uploads, jobs, files age }

func (r *retention) flags(f *pflag.FlagSet) {
	r.uploads, r.jobs, r.files = age(7*day), age(90*day), age(30*day)
	f.Var(&r.uploads, "keep-uploads", "`time` that multipart uploads nobody completed, and files uploaded for no job, are kept, such as 7d or 12h; 0 keeps them")
	f.Var(&r.jobs, "keep-jobs", "`time` that jobs are kept after their end, with what they rejected, report and upload; 0 keeps them")
	f.Var(&r.files, "keep-files", "`time` that files in the server's own bucket, uploads and reports, are kept after the end of the last job that read them; 0 keeps them")
}

func (r *retention) set(o *node.Options) {
	o.KeepUploads, o.KeepJobs, o.KeepFiles = time.Duration(r.uploads), time.Duration(r.jobs), time.Duration(r.files)
}

// age is a flag of time in days, written as 7d, or in the units of package time.
type age time.Duration

const day = 24 * time.Hour

// maxAge is less than what a duration can hold.
const maxAge = 36_500 * day

func (a *age) Set(text string) error {
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n float64
		n, err = strconv.ParseFloat(days, 64)
		if err == nil && !(n <= float64(maxAge/day)) {
			err = errors.New("too long")
		}
		if err == nil {
			d = time.Duration(n * float64(day))
		}
	}
	if err != nil || d < 0 || d > maxAge || d > 0 && d < time.Second {
		return errors.New("must be a time from 1s to 36500d, such as 7d or 12h, or 0")
	}
	*a = age(d)
	return nil
}

func (a *age) String() string {
	d := time.Duration(*a)
	switch {
	case d == 0:
		return "0"
	case d%day == 0:
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	return d.String()
}

func (*age) Type() string { return "time" }
