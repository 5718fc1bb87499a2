package objecttest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/internal/object"
)

func (f *fixture) wantHolders(what string, want ...string) {
	f.Helper()
	got := []string{}
	for h, err := range f.s.Holders(f.ctx) {
		if err != nil {
			f.Fatalf("Holders: %v", err)
		}
		got = append(got, h.Name)
		if age := time.Since(h.Since); age < -time.Minute || age > time.Hour {
			f.Errorf("Holders: %s holds since %v, want about now", h.Name, h.Since)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) && len(got)+len(want) > 0 {
		f.Errorf("Holders %s: %q, want %q", what, got, want)
	}
}

func holders(f *fixture) {
	f.wantHolders("of an empty store")
	one, two := name("one"), name("two")
	f.put(one, "first")
	f.put(two, "second")
	f.hold(one, "job-1")
	f.hold(one, "job-2")
	f.hold(two, "job-2")
	f.delete(one)
	f.wantHolders("after holding", "job-1", "job-2")
	for h := range f.s.Holders(f.ctx) {
		if want := int64(len(map[string]string{"job-1": "first", "job-2": "second"}[h.Name])); h.Name == "job-1" && h.Bytes != want {
			f.Errorf("Holders: %s holds %d bytes, want %d", h.Name, h.Bytes, want)
		}
	}
	f.release("job-1")
	f.wantHolders("after a release", "job-2")
	if r, ok := f.s.(Reopener); ok {
		f.s = r.Reopen(f.T)
		f.wantHolders("after reopening", "job-2")
	}
	f.release("job-2")
	f.wantHolders("after all were released")
}

// listed returns the objects of the work bucket, as account/key.
func (f *fixture) listed() (names []string, all []object.Info) {
	f.Helper()
	for i, err := range f.s.Objects(f.ctx, name("").Bucket) {
		if err != nil {
			f.Fatalf("Objects: %v", err)
		}
		names = append(names, i.Name.Account+"/"+i.Name.Key)
		all = append(all, i)
	}
	return names, all
}

func objects(f *fixture) {
	if got, _ := f.listed(); len(got) > 0 {
		f.Errorf("Objects of an empty store: %q", got)
	}
	var want []string
	for _, account := range []string{"000000000000", "111111111111"} {
		for _, key := range []string{"a", "b/c", "reports/x.csv", "ключ"} {
			n := object.Name{Account: account, Bucket: name("").Bucket, Key: key}
			f.put(n, "text of "+key)
			want = append(want, account+"/"+key)
		}
	}
	got, all := f.listed()
	if !slices.Equal(got, want) {
		f.Errorf("Objects: %q, want %q", got, want)
	}
	for _, i := range all {
		now, err := f.s.Stat(f.ctx, i.Name)
		if err != nil {
			f.Fatalf("Stat of what Objects gave: %v", err)
		}
		if i.Size != now.Size || i.ETag != now.ETag || i.Modified.Unix() != now.Modified.Unix() || i.Name != now.Name {
			f.Errorf("Objects: %+v, want %+v", i, now)
		}
	}
	for range f.s.Objects(f.ctx, name("").Bucket) {
		break // takes no more
	}
}

// manyObjects are more than a page of any backend.
func manyObjects(f *fixture) {
	const n = 1002
	for i := range n {
		f.put(name(fmt.Sprintf("%04d", i)), "")
	}
	got, _ := f.listed()
	if len(got) != n || !slices.IsSorted(got) || len(slices.Compact(got)) != n {
		f.Errorf("Objects: %d, want %d, each once and in order", len(got), n)
	}
}

func deleteIfUnchanged(f *fixture) {
	delete := func(i object.Info, want bool) {
		f.Helper()
		got, err := f.s.DeleteIfUnchanged(f.ctx, i)
		if err != nil || got != want {
			f.Errorf("DeleteIfUnchanged: %t, %v; want %t", got, err, want)
		}
	}
	n := name("list.csv")
	old := f.put(n, "first")
	f.put(n, "other text")
	delete(old, false)
	f.wantText(n, "", 0, "other text")
	_, all := f.listed()
	if len(all) != 1 {
		f.Fatalf("Objects: %d, want one", len(all))
	}
	delete(all[0], true)
	if names, _ := f.listed(); len(names) > 0 {
		f.Errorf("Objects after the deletion: %s", strings.Join(names, " "))
	}
	delete(all[0], false)
}

func abortNoUploads(f *fixture) {
	f.put(name("list.csv"), "text")
	ended, bytes, err := f.s.AbortUploads(f.ctx, time.Now().Add(time.Hour), 10)
	if ended != 0 || bytes != 0 || err != nil {
		f.Errorf("AbortUploads without any: %d, %d bytes, %v", ended, bytes, err)
	}
	f.wantText(name("list.csv"), "", 0, "text")
}
