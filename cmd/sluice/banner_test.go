package main

import (
	"strings"
	"testing"
)

func TestBannerSaysWhereThingsAre(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ store, objects, want string }{
		{pebble, disk, "everything in /d"},
		{"postgres://me:secret@db/sluice", disk, "jobs and lists in PostgreSQL, files in /d"},
		{"postgres://me:secret@db/sluice", "s3://files?endpoint=http://s3", "jobs and lists in PostgreSQL, files in the bucket files"},
		{pebble, "s3://files?endpoint=http://s3", "jobs and lists in /d, files in the bucket files"},
	} {
		if got := (&config{data: "/d", store: c.store, objects: c.objects}).kept(); got != c.want {
			t.Errorf("store %s, objects %s: %q, want %q", c.store, c.objects, got, c.want)
		}
	}
}

func TestContainerCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env  env
		file string
		want string
	}{
		{env{}, "", ""},
		{env{}, "/.dockerenv", "docker exec "},
		{env{}, "/run/.containerenv", "podman exec "},
		{env{"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "/.dockerenv", "kubectl exec "},
	} {
		got := containerCommand(c.env.get, func(path string) bool { return path == c.file })
		if !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("variables %v, file %q: %q, want %q and the host name", c.env, c.file, got, c.want)
		}
	}
}
