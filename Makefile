# make             builds bin/sluice
# make demo        a real import of a million addresses on a throw-away server
# make setup       installs what tests need beside Go: PostgreSQL, Node.js, AWS's clients
# make test        make setup, then all tests of all modules; go test ./... runs those of one
#                  module that it can
# make test-repeat every test 50 times, in several ways, to find those that fail now and then
# make test-faults fifteen minutes of killed nodes, cut networks, crashed databases, fail-overs and hostile callers
# make test-s3     the S3 tests of versitygw, an S3 server of another maker
# make check       all that CI checks: make test, formatting, linters, race detector, fuzzing, vulnerabilities
# make docs        the pages of docs/differences, from their entries
# make operations  the tables of docs/operations.md, from what AWS's clients see here
# make bench       the figures of docs/operating.md, measured here

GO ?= go
# The product is one static binary; only the race detector wants cgo.
export CGO_ENABLED ?= 0

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

# The product is the module at the root. What tests and measures it from outside, and
# the tools, are modules of their own, so that the product's go.mod holds what it needs.
MODULES := . conformance bench examples/go

.PHONY: build demo setup test test-repeat test-faults test-s3 check bench lint race fuzz vuln generate docs operations clean

build:
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/sluice ./cmd/sluice

demo: build
	@./bin/sluice demo

setup:
	@./conformance/install

# SLUICE_TEST_ALL turns a skipped test (a client that is not installed) into a
# failed one, where make setup could have installed it. gotest is go test with a list of
# the others that were skipped.
test: setup
	SLUICE_TEST_ALL=1 $(GO) run ./internal/gotest ./...

# REPEAT are arguments of the script: counts, modes, packages.
REPEAT ?=
test-repeat: setup
	@./conformance/repeat $(REPEAT)

# SLUICE_SEED repeats the order and the choices of another run, which it prints.
FAULTS ?= 8m
test-faults: setup
	SLUICE_TEST_ALL=1 SLUICE_FAULTS=$(FAULTS) $(GO) -C conformance test -count=1 -v -p 1 -timeout 30m -run TestFaults . ./fleet

test-s3:
	SLUICE_VERSITYGW=1 $(GO) -C conformance test -count=1 -v -timeout 60m -run TestVersityGW ./versitygw

check: test lint race fuzz vuln

lint:
	@cd tools && $(GO) build -o ../bin/ mvdan.cc/gofumpt honnef.co/go/tools/cmd/staticcheck
	@files=$$(./bin/gofumpt -l .); \
		if [ -n "$$files" ]; then echo "not formatted (make fmt):"; echo "$$files"; exit 1; fi
	@set -e; for module in $(MODULES); do \
		echo "vet, staticcheck $$module"; \
		(cd $$module && $(GO) vet ./... && $(CURDIR)/bin/staticcheck ./...); \
	done
	@set -e; for module in $(MODULES) tools examples/go; do $(GO) -C $$module mod tidy -diff; done

.PHONY: fmt
fmt:
	@cd tools && $(GO) build -o ../bin/ mvdan.cc/gofumpt
	@./bin/gofumpt -w .

# The packages in which goroutines meet; the rest is pure.
race:
	CGO_ENABLED=1 $(GO) test -race -short ./internal/... ./cmd/... ./sluicetest

# A count, not a time: with a time, go test -fuzz now and then fails at its own deadline.
FUZZTIME ?= 20000x
fuzz:
	@set -e; for dir in $$(git grep -l '^func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u); do \
		for target in $$(grep -h -o '^func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | cut -c6-); do \
			echo "fuzz $$dir $$target"; \
			$(GO) -C $$dir test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) .; \
		done; \
	done

# Known vulnerabilities of what the product links, where the database of them can be reached.
vuln:
	@cd tools && $(GO) build -o ../bin/ golang.org/x/vuln/cmd/govulncheck
	@if out=$$(./bin/govulncheck ./... 2>&1); then echo "$$out"; \
	elif echo "$$out" | grep -q 'fetching vulnerabilities'; then \
		echo "vulnerabilities: NOT CHECKED, https://vuln.go.dev cannot be reached"; \
	else echo "$$out"; exit 1; fi

generate:
	$(GO) generate ./...

docs:
	$(GO) test -count=1 -run Page ./internal/differences -update

operations: setup
	SLUICE_TEST_ALL=1 $(GO) -C conformance test -count=1 -run TestJavaScript . -update

bench: build
	@$(GO) -C bench build -o ../bin/bench .
	@./bin/bench
	$(GO) -C bench test . -run '^$$' -bench Postgres -benchtime 1x -timeout 30m

clean:
	rm -rf bin conformance/js/node_modules
