package main

import "testing"

func TestSize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want int64 // -1 is refused
		show string
	}{
		{"0", 0, "0"},
		{"1048576", 1 << 20, "1MiB"},
		{"200MiB", 200 << 20, "200MiB"},
		{"1.5 GiB", 3 << 29, "1536MiB"},
		{"64mib", 64 << 20, "64MiB"},
		{"1GB", 1e9, "1000000000"},
		{"10 kb", 10_000, "10000"},
		{"7B", 7, "7"},
		{"2TiB", 2 << 40, "2TiB"},
		{"", -1, ""},
		{"MiB", -1, ""},
		{"-1", -1, ""},
		{"NaN", -1, ""},
		{"inf", -1, ""},
		{"1e30", -1, ""},
		{"8 EiB", -1, ""},
		{"2%", -1, ""},
		{"many", -1, ""},
	} {
		var s size
		err := s.Set(c.text)
		if c.want < 0 {
			if err == nil || s.set {
				t.Errorf("size %q = %d, want it refused", c.text, s.bytes)
			}
			continue
		}
		if err != nil || s.bytes != c.want || s.String() != c.show {
			t.Errorf("size %q = %d, shown as %q, %v; want %d, %q", c.text, s.bytes, s.String(), err, c.want, c.show)
		}
	}
}

func TestSizeTooLarge(t *testing.T) {
	t.Parallel()
	if err := new(size).Set("2000000TiB"); err == nil || err.Error() != "must be less than 1EiB" {
		t.Errorf("2000000TiB: %v, want that it must be less than 1EiB", err)
	}
}
