# Two commands matter: `make demo` and `make test`. Build files stay outside the clone, so that a fresh clone is warm.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/siss/target
export SISS_VENV ?= $(HOME)/.cache/siss/venv
SHELL = bash
DATA ?= data
SCALE ?= 0.05
SEED ?= 1
SISS = $(CARGO_TARGET_DIR)/debug/siss
PYTEST = SISS_BIN=$(SISS) $(SISS_VENV)/bin/python -m pytest
# The region of the tests, made anew by each `make test`.
REGION = $(CARGO_TARGET_DIR)/tmp/region
NEXTEST := $(shell command -v cargo-nextest >/dev/null && echo nextest run || echo test)

# Processors since 2013 (AVX2): what every server of a public body has. Set it empty for older ones.
RELEASE_FLAGS ?= $(if $(filter x86_64,$(shell uname -m)),-C target-cpu=x86-64-v3)

.PHONY: help setup build release demo serve test check accept bench doc

help: ## Lists the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: ## Installs Debian packages, npm packages and the Python environment, if missing
	@scripts/setup.sh test

build: ## Builds the program
	@scripts/setup.sh demo
	cargo build --locked --bin siss

release: ## Builds the program for production and prints where it is
	@scripts/setup.sh demo
	RUSTFLAGS="$(RELEASE_FLAGS)" cargo build --locked --release --bin siss
	@echo $(CARGO_TARGET_DIR)/release/siss

demo: build ## Makes a synthetic region, delivers all its files, opens the doors: DATA=data SCALE=0.05 SEED=1
	$(SISS) demo --data $(DATA) --scale $(SCALE) --seed $(SEED)

serve: build ## Opens the doors on DATA
	$(SISS) serve --data $(DATA)

test: setup ## Every test: Rust, then real clients
	cargo build --locked --workspace --bins --tests
	cargo $(NEXTEST) --locked --workspace
	SISS_BIN=$(SISS) $(SISS_VENV)/bin/python tests/python/region.py $(REGION)
	SISS_LAKE=$(REGION) $(PYTEST) -m 'not alone' -n 2 --dist loadfile tests/python
	SISS_LAKE=$(REGION) $(PYTEST) -m alone tests/python

check: setup ## Format, lints, contracts
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	cargo run --locked --quiet --bin siss -- check

accept: setup build ## The long tests: crashes by the thousand, scale 1, hostile queries
	$(PYTEST) tests/python --accept

bench: release ## Times the release build beside DuckDB: BENCH="--quick --only questions" (docs/BENCH.md)
	@scripts/setup.sh bench
	SISS_BIN=$(CARGO_TARGET_DIR)/release/siss $(SISS_VENV)/bin/python tests/bench/run.py $(BENCH)

doc: ## Data dictionary and worked questions under docs/, Rust documentation of the workspace's own crates
	cargo run --locked --quiet --bin siss -- check --dictionary docs
	python3 scripts/questions.py
	cargo doc --locked --workspace --no-deps
