# make             builds bin/sluice
# make demo        a real import of a million addresses on a throw-away server
# make setup       installs what tests need beside Go: PostgreSQL, Node.js, AWS's clients
# make test        make setup, then all tests; go test ./... runs those that it can
# make test-repeat every test 50 times, in several ways, to find those that fail now and then
# make test-faults fifteen minutes of killed nodes, cut networks, crashed databases, fail-overs and hostile callers
# make test-s3     the S3 tests of versitygw, an S3 server of another maker
# make check       all that CI checks: make test, formatting, linters, race detector, fuzzing
# make readme      README's tables of operations, from what AWS's clients see here
# make bench       the figures of docs/operating.md, measured here

GO ?= go
# The product is one static binary; only the race detector wants cgo.
export CGO_ENABLED ?= 0

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: build demo setup test test-repeat test-faults test-s3 check bench lint race fuzz generate readme clean

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
	SLUICE_TEST_ALL=1 $(GO) run ./conformance/gotest ./...

# REPEAT are arguments of the script: counts, modes, packages.
REPEAT ?=
test-repeat: setup
	@./conformance/repeat $(REPEAT)

# SLUICE_SEED repeats the order and the choices of another run, which it prints.
FAULTS ?= 8m
test-faults: setup
	SLUICE_TEST_ALL=1 SLUICE_FAULTS=$(FAULTS) $(GO) test -count=1 -v -p 1 -timeout 30m -run TestFaults ./conformance ./conformance/fleet

test-s3:
	SLUICE_VERSITYGW=1 $(GO) test -count=1 -v -timeout 60m -run TestVersityGW ./conformance/versitygw

check: test lint race fuzz

lint:
	@cd tools && $(GO) build -o ../bin/ mvdan.cc/gofumpt honnef.co/go/tools/cmd/staticcheck
	@files=$$(./bin/gofumpt -l .); \
		if [ -n "$$files" ]; then echo "not formatted (make fmt):"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	./bin/staticcheck ./...
	$(GO) mod tidy -diff
	cd tools && $(GO) mod tidy -diff

.PHONY: fmt
fmt:
	@cd tools && $(GO) build -o ../bin/ mvdan.cc/gofumpt
	@./bin/gofumpt -w .

# The packages in which goroutines meet; the rest is pure.
race:
	CGO_ENABLED=1 $(GO) test -race -short ./internal/... ./cmd/...

# A count, not a time: with a time, go test -fuzz now and then fails at its own deadline.
FUZZTIME ?= 20000x
fuzz:
	@set -e; for dir in $$(git grep -l '^func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u); do \
		for target in $$(grep -h -o '^func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | cut -c6-); do \
			echo "fuzz $$dir $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) ./$$dir; \
		done; \
	done

generate:
	$(GO) generate ./...

readme: setup
	SLUICE_TEST_ALL=1 $(GO) test -count=1 -run TestJavaScript ./conformance -update

bench: build
	@$(GO) run ./bench
	$(GO) test ./bench -run '^$$' -bench Postgres -benchtime 1x -timeout 30m

clean:
	rm -rf bin conformance/js/node_modules
