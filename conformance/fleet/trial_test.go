package fleet

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
)

// trial is imports and single writes into lists of their own, which are those of a
// region, so that each trial can be checked to the last entry.
type trial struct {
	f       *fleet
	region  string
	imports []*imported
	writers *writers
	removed map[string]bool // imported addresses that were taken off the list during the import
}

// begin starts imports of different sizes, some packed, and writers beside them.
func (f *fleet) begin(region string, rows int) *trial {
	f.t.Helper()
	tr := &trial{f: f, region: region, removed: map[string]bool{}}
	for _, n := range []int{rows, rows, rows * 2 / 3, rows / 20} {
		tr.start(n)
	}
	tr.writers = f.startWriters(region)
	return tr
}

// start starts one more import, at any node.
func (tr *trial) start(rows int) {
	tr.f.t.Helper()
	tr.startAt(rows, tr.f.any())
}

// startAt starts one more import, at a node.
func (tr *trial) startAt(rows int, at *node) *imported {
	tr.f.t.Helper()
	key := fmt.Sprint("file", len(tr.imports))
	if len(tr.imports)%2 == 1 {
		key += ".gz"
	}
	im := newImport(key, rows)
	tr.f.upload(im, tr.region)
	tr.f.create(im, tr.region, at)
	tr.imports = append(tr.imports, im)
	return im
}

// worker returns a node that is in the middle of one of the trial's jobs, and that job.
// If all are near their ends already it starts one more.
func (tr *trial) worker() (at *node, id string, p progress) {
	f := tr.f
	f.t.Helper()
	within(f.t, soon, "a node is in the middle of a job", func() bool {
		over := true
		for _, im := range tr.imports {
			if p = f.progress(im.id); p.final() || p.record > int64(im.rows/2) {
				continue
			}
			over = false
			for _, at = range f.nodes {
				if id = im.id; p.record > 0 && slices.Contains(at.log.jobs(), id) {
					return true
				}
			}
		}
		if over {
			tr.start(tr.imports[0].rows)
		}
		return false
	})
	return at, id, p
}

// jobAt returns one of the trial's jobs that a node is in the middle of. It starts more
// imports where few are left.
func (tr *trial) jobAt(n *node) (id string, p progress) {
	f := tr.f
	f.t.Helper()
	within(f.t, soon, n.name+" is in the middle of a job", func() bool {
		var at *node
		if at, id, p = tr.worker(); at == n {
			return true
		}
		left := 0
		for _, im := range tr.imports {
			if !f.progress(im.id).final() {
				left++
			}
		}
		if left < 4 {
			tr.start(tr.imports[0].rows)
		}
		return false
	})
	return id, p
}

// importOf returns the import of a job.
func (tr *trial) importOf(id string) *imported {
	i := slices.IndexFunc(tr.imports, func(im *imported) bool { return im.id == id })
	return tr.imports[i]
}

// remove takes an address off the list that a job has committed already: a later write
// than that row, which going on from an old checkpoint must not undo.
func (tr *trial) remove(id string, p progress) {
	tr.f.t.Helper()
	im := tr.importOf(id)
	for row := 1; row <= int(min(p.record, 20)); row++ {
		if (row+repeatsBack)%repeatsEvery == 0 { // comes again
			continue
		}
		a := address(im.key, row)
		if tr.removed[a] {
			continue
		}
		if _, err := tr.f.any().mail(tr.region).DeleteSuppressedDestination(tr.f.t.Context(),
			&sesv2.DeleteSuppressedDestinationInput{EmailAddress: &a}); err != nil {
			tr.f.t.Fatalf("remove an imported address: %v", err)
		}
		tr.removed[a] = true
	}
}

// end waits for the imports, stops the writers and compares all there is with all that
// there must be.
func (tr *trial) end() {
	f := tr.f
	f.t.Helper()
	for _, im := range tr.imports {
		f.check(im, tr.region)
	}
	tr.writers.end()
	want, possible := tr.writers.expect()
	for _, im := range tr.imports {
		maps.Copy(want, im.members)
	}
	for a := range tr.removed {
		want[a] = ""
	}
	got := f.list(tr.region)
	missing, wrong, extra := 0, 0, 0
	for a, reason := range want {
		switch has, there := got[a]; {
		case !there && reason != "":
			missing++
		case has != reason:
			wrong++
		}
	}
	for a, has := range got {
		if _, known := want[a]; !known && !slices.Contains(possible[a], has) {
			extra++
		}
	}
	if missing+wrong+extra > 0 {
		f.t.Errorf("of %d entries %d are missing, %d have the wrong reason or should be gone, and %d should not be there",
			len(want), missing, wrong, extra)
	}
	f.t.Logf("%s: %d imports and %d entries are exact; %d writes were not answered", tr.region, len(tr.imports), len(want), tr.writers.unheard)
}

// list reads the whole suppression list of a region, and expects each address once, in
// order.
func (f *fleet) list(region string) map[string]string {
	f.t.Helper()
	all := map[string]string{}
	mail := f.any().mail(region)
	in := &sesv2.ListSuppressedDestinationsInput{PageSize: aws.Int32(1000)}
	for {
		page, err := mail.ListSuppressedDestinations(f.t.Context(), in)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, s := range page.SuppressedDestinationSummaries {
			if _, twice := all[*s.EmailAddress]; twice {
				f.t.Errorf("an entry is listed twice in %s", region)
			}
			all[*s.EmailAddress] = string(s.Reason)
		}
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			return all
		}
	}
}
