package diskobject

import (
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"testing"
)

// TestAlgorithms holds the sums against known ones. Those of the XXHASH algorithms are
// from the tests of AWS's own library, aws-checksums: what matters is the order of bytes.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	want := map[Algorithm]string{
		CRC32: "8bd69e52", CRC32C: "72b51f78", CRC64NVME: "38e259d03f312adb",
		MD5:       "3e25960a79dbc69b674cd4ec67a72c62",
		SHA1:      "7b502c3a1f48c8609ae212cdfb639dee39673f5e",
		SHA256:    "64ec88ca00b268e5ba1a35678a1b5316d212f4f366b2477232534a8aeca37f3c",
		SHA512:    "b7f783baed8297f0db917462184ff4f08e69c2d5e5f79a942600f9725f58ce1f29c18139bf80b06c0fff2bdd34738452ecf40c488c22a7e3d80cdf6f9c1c0d47",
		XXHASH128: "7351f89812f97382b91d05b31e04dd7f",
		XXHASH3:   "b6acb9d84a38ff74",
		XXHASH64:  "c500b0c912b376d8",
	}
	for _, a := range Algorithms() {
		h := a.New()
		_, _ = io.WriteString(h, "Hello ")
		_, _ = io.WriteString(h, "world")
		if got := hex.EncodeToString(h.Sum(nil)); got != want[a] {
			t.Errorf("%s of Hello world = %s, want %s", a, got, want[a])
		}
	}
	if !slices.IsSorted(Algorithms()) || len(Algorithms()) != len(want) {
		t.Errorf("Algorithms() = %v, want the %d of the table, sorted", Algorithms(), len(want))
	}
}

// TestEveryChecksumIsKept puts an object with each algorithm, whole and in parts.
func TestEveryChecksumIsKept(t *testing.T) {
	t.Parallel()
	s := openIn(t, t.TempDir()).Store
	put(t, s, "other", "makes the bucket")
	one, two := strings.Repeat("1", MinPartSize), "two"
	for _, a := range Algorithms() {
		o, err := s.Write(t.Context(), at("whole"), Write{Checksum: a}, strings.NewReader(one+two))
		if want := sumOf(a, one+two); err != nil || o.Checksum != (Checksum{Algorithm: a, Value: want}) {
			t.Errorf("Write with %s = %+v, %v, want %s", a, o.Checksum, err, want)
		}
		for _, composite := range []bool{false, true} {
			if !a.Allows(composite) {
				if _, err := s.StartUpload(t.Context(), at("k"), Meta{}, Checksum{Algorithm: a, Composite: composite}); err == nil {
					t.Errorf("StartUpload with %s, composite %t: no error", a, composite)
				}
				continue
			}
			u, refs := uploadOf(t, s, "k", Checksum{Algorithm: a, Composite: composite}, one, two)
			o, err := s.Complete(t.Context(), at("k"), u.ID, Completion{Parts: refs})
			want := sumOf(a, one+two)
			if composite {
				h := a.New()
				for _, part := range []string{one, two} {
					p := a.New()
					_, _ = io.WriteString(p, part)
					h.Write(p.Sum(nil))
				}
				want = Digest{Sums: map[Algorithm][]byte{a: h.Sum(nil)}}.Sum(a) + "-2"
			}
			if err != nil || o.Checksum.Value != want {
				t.Errorf("Complete with %s, composite %t = %+v, %v, want %s", a, composite, o.Checksum, err, want)
			}
		}
	}
}

// TestCopyComputesChecksum: a copy has the checksum asked for, also of what was put in
// parts, and the source's if none is asked for.
func TestCopyComputesChecksum(t *testing.T) {
	t.Parallel()
	s := openIn(t, t.TempDir()).Store
	put(t, s, "other", "makes the bucket")
	one, two := strings.Repeat("1", MinPartSize), "two"
	u, refs := uploadOf(t, s, "k", Checksum{Algorithm: SHA256, Composite: true}, one, two)
	source, err := s.Complete(t.Context(), at("k"), u.ID, Completion{Parts: refs})
	if err != nil {
		t.Fatalf("Complete: %v", err)
	}
	for _, a := range append(Algorithms(), "") {
		want := source.Checksum
		if a != "" {
			want = Checksum{Algorithm: a, Value: sumOf(a, one+two)}
		}
		o, err := s.Copy(t.Context(), at("k"), at("copy"), Copying{Checksum: a})
		if err != nil || o.Checksum != want {
			t.Errorf("Copy with %q = %+v, %v, want %+v", a, o.Checksum, err, want)
		}
		if head, err := s.Head(t.Context(), at("copy")); err != nil || head.Checksum != want {
			t.Errorf("after Copy with %q: %+v, %v, want %+v", a, head.Checksum, err, want)
		}
	}
}

func sumOf(a Algorithm, text string) string {
	h := a.New()
	_, _ = io.WriteString(h, text)
	return Digest{Sums: map[Algorithm][]byte{a: h.Sum(nil)}}.Sum(a)
}
