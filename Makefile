# The commands of the README. python3 (3.11 or newer) and make are all that they need.
.DEFAULT_GOAL := help
.PHONY: help install install-dev run test test-all lint bench up cluster lock clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := animatic flows tasks tests benchmarks tools
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal

help:
	@echo "make run       render the first example with the simulator, into ./out"
	@echo "make test      lint, types, import contract and the test suite"
	@echo "make test-all  the same with the long crash, load and browser runs"
	@echo "make bench     the benchmarks, as tables"
	@echo "make up        local Prefect server with UI, simulator and deployments"
	@echo "make cluster   several machines on this one: Postgres, Redis, two Prefect servers, three workers (PROVE=1, storm, endure: prove what holds there)"

# The lock files are complete: nothing is resolved again (--no-deps), which pip would get wrong for extras (sqlalchemy[asyncio]).
install: $(VENV)/.installed

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "animatic needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 2; }
	@echo "Creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml animatic/__init__.py | $(BIN)/python
	@echo "Installing from requirements.lock (about a minute, once)"
	@$(PIP) install --no-deps --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

install-dev: $(VENV)/.installed-dev

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "Installing the tools of the test suite"
	@$(PIP) install --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

run: install
	@$(BIN)/animatic run --simulate

lint: install-dev
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(PYTEST) -m "not slow and not live"

test-all: lint
	HYPOTHESIS_PROFILE=default $(PYTEST) -m "not live"

bench: install-dev
	@$(BIN)/python -m benchmarks

up: install
	@$(BIN)/animatic up

# Needs Postgres and Redis on this machine (apt-get install postgresql redis-server): their programs, not their services.
cluster: install-dev
	@$(BIN)/python -m tests.cluster $(if $(PROVE),$(or $(filter storm endure,$(PROVE)),prove),up) $(if $(MINUTES),--minutes $(MINUTES))

# Needs uv on the PATH. The lock files carry hashes and no addresses; versions stay as they are unless UPGRADE=--upgrade says otherwise.
COMPILE := uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --allow-unsafe
lock:
	$(COMPILE) $(UPGRADE) --extra fonts --group build -o requirements.lock
	$(COMPILE) $(UPGRADE) --extra fonts --extra c2pa --group build --group dev -o requirements-dev.lock -c requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
