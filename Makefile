# `make demo` and `make test` do all the set-up they need; `make help` lists the rest.

CARGO ?= cargo
# The tests read sealed files with this one's pyarrow, and count with its DuckDB.
export PYTHON := $(CURDIR)/target/python/bin/python3
# Many tests wait for programs that they started: twice as many at once as there are processors.
export RUST_TEST_THREADS ?= $(shell expr 2 '*' $$(nproc))
ALL := --workspace --locked --features attestation-verifier/cli

.PHONY: help setup build programs demo demo-page demo-retail demo-train demo-weekly cover-retail test test-rooms test-crates test-full python wheel sbom analyses attacks check deny bench bench-boot bench-dense bench-engine bench-room bench-sealing spark fuzz mutants wasm eif eif-twice image qemu statistics clean-demo

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: ## install what is missing: a C compiler, python3-venv, Chromium, pyarrow, DuckDB, pandas, polars, Playwright
	@sh tests/setup.sh

build: setup
	$(CARGO) build $(ALL) --bins

# The commit is in these alone: what is built while working names none, and is not linked again at each commit.
programs: ## release builds of the programs, which say with --version which commit they are of, in target/release/
	GLOVEBOX_COMMIT="$$(sh eif-build/commit.sh)" $(CARGO) build --release $(ALL) --bin glovebox --bin glovebox-host --bin attestation-verifier --bin eif-build

demo: build ## two parties, one enclave, one lift result; leaves everything in target/demo/
	@sh tests/demo.sh

demo-page: build ## a party's page in a real browser, from the first look to a receipt; leaves pictures in target/demo-page/
	@sh tests/page/demo.sh

demo-retail: build ## three parties, six datasets, four questions, beside DuckDB; leaves everything in target/demo-retail/
	@sh tests/retail/demo.sh

demo-train: build ## a bank and a merchant train one model of the same people; leaves everything in target/demo-train/
	@sh tests/vertical/demo.sh

demo-weekly: build ## a standing order of six weekly lifts that nobody attends, on a clock that is put forward; leaves everything in target/demo-weekly/
	@sh tests/weekly.sh

cover-retail: build ## how often that demo's intervals hold what is true, in a hundred runs (takes long)
	@sh tests/retail/cover.sh 100

# Programs and tests in one go: no processor waits for the last program to be linked. Then both halves beside each other, since the
# tests of whole rooms wait much and the others little.
test: setup ## all tests but the exhaustive ones
	$(CARGO) build $(ALL) --bins --tests
	@$(MAKE) --no-print-directory -j2 test-rooms test-crates

test-rooms: # tests/all.rs: programs, sockets, files
	$(CARGO) test $(ALL) --test all

# Every test program that is not called `all`: the patterns are names that begin otherwise.
test-crates: # what each crate and the Python package promise
	$(CARGO) test $(ALL) --lib --bins --test '[!a]*' --test 'a[!l]*' --test 'all?*'
	$(CARGO) test $(ALL) --doc
	@cd python && $(PYTHON) -m pytest -q

python: build ## the tests of the Python package, which run every command with --json against a simulated room
	@cd python && $(PYTHON) -m pytest -q

wheel: setup ## the Python package with the program in it, in target/wheels/ (installs maturin)
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check maturin==1.16.0
	cd python && GLOVEBOX_COMMIT="$$(sh ../eif-build/commit.sh)" $(PYTHON) -m maturin build --release --locked --out ../target/wheels

sbom: setup ## what each program and the image are made of, as CycloneDX in target/sbom/, checked against its schema
	@python3 eif-build/sbom.py target/sbom
	@$(PYTHON) eif-build/sbom.py --validate target/sbom/*.cdx.json

test-full: build ## all tests, the exhaustive ones too (every bit flip, every truncation)
	GLOVEBOX_TEST_FULL=1 $(CARGO) test $(ALL)

analyses: ## the suite that every kind of analysis passes; KIND=lift for one, BLESS=1 to write what its sample gives
	GLOVEBOX_KIND=$(KIND) GLOVEBOX_BLESS=$(BLESS) $(CARGO) test $(ALL) --test all analyses::

statistics: setup ## how often a lift's intervals hold, over epsilon, people, baselines, effects and arms (TRIALS=10000 each; takes long)
	GLOVEBOX_TRIALS=$(TRIALS) $(CARGO) test --release --locked -p privacy --test privacy -- coverage::grid::the_whole_table coverage::margins::the_table_of_margins coverage::reached::the_whole_table coverage::covariate::the_whole_table --ignored --nocapture

attacks: build ## every scripted attack: how often it is right, how often guessing is, what theory allows
	$(CARGO) test $(ALL) --test all attacks:: -- --nocapture

check: ## format, lints, documentation, dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(ALL) --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(ALL) --no-deps --document-private-items
	@sh tests/deny.sh

deny: ## advisories, licences, sources and duplicate versions
	@sh tests/deny.sh

bench: ## what the main parts cost, as ratios within one run
	$(CARGO) bench --locked -p attestation-verifier --bench verify
	$(CARGO) run --release --locked --quiet --manifest-path attestation-verifier/peer-bench/Cargo.toml \
		--target-dir target/peer-bench
	$(CARGO) run --release --locked --quiet -p privacy --example draws_per_second
	$(CARGO) run --release --locked --quiet -p protocol --example accountants
	$(CARGO) run --release --locked --quiet -p learning --example speed
	@$(MAKE) --no-print-directory bench-room bench-sealing bench-boot

bench-boot: image ## what the image weighs; time, processor and memory of a boot and of a job on it
	$(CARGO) test $(ALL) --test all qemu::what_a_boot_costs -- --ignored --nocapture

bench-dense: setup ## DP-SGD on dense features: a linear model and a network, in processor seconds and AUC (downloads numpy)
	$(CARGO) build --release --locked --quiet -p privacy --example dense
	@mkdir -p target/bench-dense
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check numpy
	$(PYTHON) enclave/privacy/examples/dense_data.py 100000 target/bench-dense/people
	target/release/examples/dense target/bench-dense/people 1 4096 5 4 5
	target/release/examples/dense target/bench-dense/people 1 4096 5 4 5 64
	$(PYTHON) enclave/privacy/examples/dense_data.py 1000000 target/bench-dense/people
	target/release/examples/dense target/bench-dense/people 1 4096 1 4 1
	@rm -r target/bench-dense

bench-engine: setup ## the engine beside DuckDB on the same rows in the clear (downloads numpy)
	$(CARGO) build --release --locked --quiet -p engine --example rows_per_second
	@mkdir -p target/bench-engine
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check numpy
	$(PYTHON) enclave/engine/examples/beside_duckdb.py target/bench-engine 1 3 10

# Millions of rows, for example MILLIONS="1 10"; of bench-room also with those of the other datasets, for example "30x5 5x5x5".
MILLIONS ?= 1

bench-room: setup ## a room from sealed files to answers beside DuckDB in the clear, both with the same answers (downloads numpy)
	$(CARGO) build --release --locked --quiet -p rehearsal --example room
	@mkdir -p target/bench-room
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check numpy
	$(PYTHON) partner/try/examples/room/beside_duckdb.py target/bench-room $(MILLIONS)

bench-sealing: setup ## sealing CSV beside pyarrow writing an encrypted file of the same columns (downloads numpy)
	$(CARGO) build --release --locked --quiet -p sealing --example rows_per_second
	@mkdir -p target/bench-sealing
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check numpy
	$(PYTHON) partner/sealing/examples/beside_pyarrow.py target/bench-sealing $(MILLIONS)

spark: build ## seal a table with Spark on two cores and adopt the file (installs pyspark; needs Java)
	@sh partner/recipes/spark.sh

fuzz: ## every parser of bytes from outside, a minute each (needs a C++ compiler)
	@sh tests/fuzz/run.sh

mutants: ## which changes of the verifier and of the rules no test notices (installs cargo-mutants; takes a day)
	@sh attestation-verifier/mutants.sh; found=$$?; sh protocol/mutants.sh && exit $$found

wasm: ## the verifier for wasm32-unknown-unknown (needs that target and clang)
	@sh attestation-verifier/wasm.sh

eif: ## the enclave image and its build manifest, in target/eif (the first time takes long)
	@sh eif-build/build.sh

eif-twice: ## two builds from clean checkouts, compared byte for byte; then one with a changed line
	@sh eif-build/twice.sh

# What booting the image takes.
image: build
	@sh tests/qemu/setup.sh
	@sh eif-build/build.sh

qemu: image ## boot the image under QEMU and run the whole room on it
	$(CARGO) test $(ALL) --test all -- qemu:: saturation:: --ignored --skip what_a_boot_costs --nocapture --test-threads=1

clean-demo: ## forget the demos' rooms
	rm -rf target/demo target/demo-page target/demo-retail target/demo-train target/demo-weekly
