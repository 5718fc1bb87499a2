// Command apigen generates the packages below internal/api from the interface tables
// in internal/api/model.
//
// In come the tables: shapes with their constraints, operations with their routes
// and errors. Out go, for each service, four files: types.go, service.go (interface
// and operation table), codec.go (JSON, path and query to values and back) and
// check.go (constraints). The same tables always give the same bytes; a shape or a
// constraint that the generator does not know ends it, so nothing is dropped in
// silence. Run it by go generate in internal/api.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	files, err := generate(".")
	if err == nil {
		err = write(".", files)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "apigen:", err)
		os.Exit(1)
	}
}

// generate returns the files to be, by their path below dir, which is internal/api.
func generate(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, s := range services {
		m, err := load(filepath.Join(dir, "model", s.pkg+".json"))
		if err != nil {
			return nil, err
		}
		p, err := newPkg(s, m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.pkg, err)
		}
		for name, emit := range map[string]func(*pkg){
			"types.go": (*pkg).types, "service.go": (*pkg).contract, "codec.go": (*pkg).codec, "check.go": (*pkg).check,
			"faults.go": (*pkg).faultTable,
		} {
			src, err := p.file(emit)
			if err != nil {
				return nil, fmt.Errorf("%s/%s: %w", s.pkg, name, err)
			}
			files[filepath.Join(s.pkg+"api", name)] = src
		}
	}
	return files, nil
}

func write(dir string, files map[string][]byte) error {
	for path, src := range files {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, src, 0o644); err != nil {
			return err
		}
	}
	return nil
}
