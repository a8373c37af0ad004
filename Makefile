# Two commands matter: `make demo` and `make test`. Build files stay outside the clone, so that a fresh clone is warm.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/siss/target
export SISS_VENV ?= $(HOME)/.cache/siss/venv
SHELL = bash
DATA ?= data
SCALE ?= 0.05
SEED ?= 1
SISS = $(CARGO_TARGET_DIR)/debug/siss
PYTEST = SISS_BIN=$(SISS) $(SISS_VENV)/bin/python -m pytest
NEXTEST := $(shell command -v cargo-nextest >/dev/null && echo nextest run || echo test)

.PHONY: help setup build demo serve test check accept bench doc

help: ## Lists the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: ## Installs Debian packages and the Python environment, if missing
	@scripts/setup.sh test

build: ## Builds the program
	@scripts/setup.sh demo
	cargo build --locked --bin siss

demo: build ## Makes a synthetic region, delivers all its files, opens the doors: DATA=data SCALE=0.05 SEED=1
	$(SISS) demo --data $(DATA) --scale $(SCALE) --seed $(SEED)

serve: build ## Opens the doors on DATA
	$(SISS) serve --data $(DATA)

test: setup ## Every test: Rust, then real clients
	cargo build --locked --workspace --bins --tests
	cargo $(NEXTEST) --locked --workspace
	$(PYTEST) tests/python

check: setup ## Format, lints, contracts
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	cargo run --locked --quiet --bin siss -- check

accept: setup build ## The long tests: crashes by the thousand, scale 1, hostile queries
	$(PYTEST) tests/python --accept

bench: setup ## Times the release build beside DuckDB: BENCH="--quick --only questions" (docs/BENCH.md)
	$(SISS_VENV)/bin/python tests/bench/run.py $(BENCH)

doc: ## Data dictionary and worked questions under docs/, Rust documentation of the workspace's own crates
	cargo run --locked --quiet --bin siss -- check --dictionary docs
	python3 scripts/questions.py
	cargo doc --locked --workspace --no-deps
