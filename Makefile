# `make demo` and `make test` do all the set-up they need; `make help` lists the rest.

CARGO ?= cargo
# The tests read sealed files with this one's pyarrow.
export PYTHON := $(CURDIR)/target/python/bin/python3
ALL := --workspace --locked --features attestation-verifier/cli

.PHONY: help setup build demo test test-full check deny bench fuzz clean-demo

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: ## install what is missing: a C compiler, python3-venv, pyarrow
	@sh tests/setup.sh

build: setup
	$(CARGO) build $(ALL) --bins

demo: build ## two parties, one enclave, one lift result; leaves everything in target/demo/
	@sh tests/demo.sh

test: build ## all tests but the exhaustive ones
	$(CARGO) test $(ALL)

test-full: build ## all tests, the exhaustive ones too (every bit flip, every truncation)
	GLOVEBOX_TEST_FULL=1 $(CARGO) test $(ALL)

check: ## format, lints, documentation, dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(ALL) --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(ALL) --no-deps --document-private-items
	@sh tests/deny.sh

deny: ## advisories, licences, sources and duplicate versions
	@sh tests/deny.sh

bench: ## what the main parts cost, as ratios within one run
	$(CARGO) bench --locked -p attestation-verifier --bench verify
	$(CARGO) run --release --locked --quiet -p privacy --example draws_per_second

clean-demo: ## forget the demo's room
	rm -rf target/demo
