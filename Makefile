# make search   install what is needed, then search on the built-in sample
# make test     install what is needed, then run the tests
# make docs     a site of all pages, which opens offline: site/index.html; a link that leads nowhere fails
# make check    what CI runs: format, lint, types, tests, docs
# make faults   every fault that a search survives, as often as promised; killed, it goes on where it was
# make gpu      does this GPU do what trials will ask of it, and how fast: at most eight minutes, no network

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Bytecode is kept, whatever the shell says: else each of a hundred processes compiles torch and Ray anew, for 8 s.
export PYTHONDONTWRITEBYTECODE :=
# Who has no home that can be written has uv's cache beside what it installs: uv would give up.
UV_CACHE := $(shell [ -w "$${HOME:-/}" ] || echo --cache-dir $(VENV)/uv-cache)
INSTALLED := $(VENV)/.installed

.PHONY: install search test lint format docs check faults gpu clean
.DEFAULT_GOAL := check

install: $(INSTALLED)

$(INSTALLED): requirements.txt requirements-dev.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "error: Python 3.11 or newer is needed; name one: make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet $(UV_CACHE) --python $(BIN)/python -r requirements.txt -r requirements-dev.txt -c constraints.txt
	@touch $@

search: install
	$(BIN)/python tune_main.py --space age_bands

test: install
	$(BIN)/python -m pytest -q -n 4 --dist loadfile --no-loadscope-reorder

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: install
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --conf-dir docs/sphinx --doctree-dir site/.cache . site
	@echo "the site: site/index.html"

check: lint test docs

# What is made once each in any case: moments of a power cut, damaged views, output that nobody takes, signals to all
# processes, memory that is short, cores that are gone.
FAULTS := tests/test_power.py tests/tuning/test_views.py tests/tuning/test_surroundings.py tests/tuning/test_signals.py \
  tests/common/test_surroundings.py tests/data_prep/prepare/test_power_cut.py

faults: install
	$(BIN)/python -m pytest -q tests/faults $(FAULTS) --full

gpu: install
	$(BIN)/python -m benchmarks.gpu

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache site
