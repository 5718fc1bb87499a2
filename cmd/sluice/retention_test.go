package main

import (
	"testing"
	"time"
)

func TestAge(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"0": 0, "0d": 0, "7d": 7 * day, "1.5d": 36 * time.Hour, "12h": 12 * time.Hour, "1s": time.Second, "36500d": maxAge,
	} {
		var a age
		if err := a.Set(text); err != nil || time.Duration(a) != want {
			t.Errorf("%q: %v, %v; want %v", text, time.Duration(a), err, want)
		}
		var again age
		if err := again.Set(a.String()); err != nil || again != a {
			t.Errorf("%q is written as %q, which is %v, %v", text, a.String(), time.Duration(again), err)
		}
	}
	for _, text := range []string{"", "7", "d", "-1d", "-1h", "7days", "1e9d", "NaNd", "Infd", "500ms", "40000d", "7 d"} {
		var a age
		if err := a.Set(text); err == nil {
			t.Errorf("%q: %v, want an error", text, time.Duration(a))
		}
	}
}
