# Every target's one line of help stands behind its name; `make` alone prints them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3.11
VENV ?= .venv
WORKERS ?= 2
ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCKED := $(PIP) --only-binary :all: --require-hashes --no-compile
# pip would compile on one core, and a third that nobody imports: packages' tests, and litellm.
# What is no Python 3 stays as it is.
UNUSED := site-packages/(.*/tests?|litellm)/
COMPILED := $(BIN)/python -m compileall -qq -j 0 -x '$(UNUSED)' $(VENV)/lib || true
EDITABLE := $(PIP) --no-deps --no-build-isolation --editable .
PYTEST := $(BIN)/python -m pytest
UV_COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --python-version 3.11 \
	--python-platform linux --no-annotate --no-header
LOCK := $(UV_COMPILE) --generate-hashes --constraint requirements/constraints.txt

.PHONY: help setup demo run test test-all check check-types check-rest bench soak kafka postgres fix \
	docs clean lock

help:  ## say what each target does
	@sed -nE 's/^([a-z-]+):.*## (.*)$$/\1\t\2/p' $(MAKEFILE_LIST) | \
		while IFS=$$'\t' read -r name text; do printf '  %-10s %s\n' "$$name" "$$text"; done

setup: $(VENV)/dev.stamp  ## install what check, test and test-all need into .venv

demo: $(VENV)/demo.stamp  ## decide real prices, be killed, resume, replay; govern and advise loops on made ones: offline
	@$(BIN)/torghut demo $(ARGS)

run: $(VENV)/demo.stamp  ## run the decision loop: make run ARGS="--source URI"
	@$(BIN)/torghut run $(ARGS)

test: $(VENV)/dev.stamp  ## everything that needs no server, no network and no recorded data
	@$(PYTEST) -n $(WORKERS) --dist loadfile

# Its long tests wait for servers more than they compute, so one more runs than there are cores.
# They are begun first: tests.support.machine.longest_first.
test-all: WORKERS = 3
test-all: $(VENV)/dev.stamp  ## what test leaves out: servers, recorded data, slow tests, longer searches
	@$(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder --tools-required \
		--hypothesis-profile thorough \
		-m "(data or system or slow or hypothesis) and not soak" tests

# Types take about as long as all the rest; what a tool says comes in one piece, as soon as it ends.
check: $(VENV)/dev.stamp  ## style, layers, dead code, dependencies, words, types
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=line check-types check-rest

check-types:
	$(BIN)/mypy

check-rest:
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/deptry .
	$(BIN)/codespell

bench: $(VENV)/dev.stamp  ## measure beside named baselines (ARGS=--help, ARGS=--quick)
	@$(BIN)/python -m benchmarks $(ARGS)

soak: $(VENV)/dev.stamp  ## the long tests: hundreds of kills, millions of decisions
	@$(PYTEST) -m soak --timeout 0 --tools-required

kafka: $(VENV)/dev.stamp  ## run Apache Kafka in the foreground: make kafka ARGS="--nodes 3"
	@$(BIN)/python -m ops.servers kafka $(ARGS)

fix: $(VENV)/dev.stamp  ## format, and mend what can be mended by machine
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/dev.stamp  ## write the reference and the README's output, then run the docs' blocks
	$(BIN)/python -m docs.reference.schemas
	$(BIN)/python -m docs.reference.generate
	$(BIN)/python -m docs.reference.benchmarks
	$(BIN)/python -m docs.readme_output
	@$(PYTEST) docs README.md CONTRIBUTING.md

postgres: $(VENV)/dev.stamp  ## run a private PostgreSQL until Ctrl-C, and print its address
	@$(BIN)/python -m ops.servers postgres

clean:  ## remove the environment, builds and caches; what was produced in var/ stays
	rm -rf $(VENV) .venv-bench build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests docs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

lock: $(VENV)/dev.stamp  ## resolve all requirements together; ARGS=--upgrade for newer ones
	$(UV_COMPILE) $(ARGS) --all-extras --group build --group tools -o requirements/constraints.txt
	$(LOCK) -o requirements/base.txt
	$(LOCK) --extra demo --group build -o requirements/demo.txt
	$(LOCK) --extra demo --extra parquet --extra evals --extra otel --extra kafka --extra faust --extra postgres --extra reasoning --group build --group tools -o requirements/dev.txt
	$(LOCK) --extra kafka --extra faust --extra postgres --extra otel -o requirements/servers.txt
	$(LOCK) --extra reasoning -o requirements/reasoning.txt
	$(LOCK) --extra lab -o requirements/lab.txt
	echo pip | $(UV_COMPILE:pyproject.toml=-) $(ARGS) --generate-hashes -o requirements/pip.txt
	echo nautilus_trader | $(UV_COMPILE:pyproject.toml=-) $(ARGS) --generate-hashes -o requirements/bench.txt

# Installing says nothing for a while; a dot every two seconds shows that it goes on.
DOTS := (while sleep 2; do printf .; done) & dots=$$!; trap 'kill $$dots; echo' EXIT;

# A stamp is newer than what it was made from, so a second run installs nothing. The pip that comes
# with Python 3.11 takes a minute to choose among the files of all releases; a newer one does not.
$(BIN)/python: | requirements/pip.txt
	@printf 'Creating $(VENV) '; $(DOTS) $(PYTHON) -m venv $(VENV); \
		$(LOCKED) --requirement requirements/pip.txt

$(VENV)/demo.stamp: requirements/demo.txt requirements/reasoning.txt pyproject.toml | $(BIN)/python
	@printf 'Installing what requirements/{demo,reasoning}.txt pin '; $(DOTS) \
		$(LOCKED) --requirement requirements/demo.txt --requirement requirements/reasoning.txt; \
		$(COMPILED); $(EDITABLE)
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml | $(BIN)/python
	@printf 'Installing what requirements/dev.txt pins '; $(DOTS) \
		$(LOCKED) --requirement requirements/dev.txt; $(COMPILED); $(EDITABLE)
	@touch $(VENV)/demo.stamp $@
