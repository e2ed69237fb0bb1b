.DEFAULT_GOAL := help
# The first interpreter that really runs (a shim can exist and still fail) and is 3.11 or newer.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN    := .venv/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: run engine test soak lint bench focus-check lock help

# dev.lock holds all of core.lock, so whoever has the development tools has what the product needs.
.venv/.core: requirements/core.lock requirements/uv.lock sdk/pyproject.toml
	@if test .venv/.dev -nt requirements/dev.lock -a .venv/.dev -nt sdk/pyproject.toml; then touch $@; else \
	  rm -f .venv/.dev; requirements/install "$(PYTHON)" requirements/core.lock && touch $@; fi

.venv/.dev: requirements/dev.lock requirements/uv.lock sdk/pyproject.toml
	@requirements/install "$(PYTHON)" requirements/dev.lock && touch .venv/.core $@

# Installing the development tools takes these away again, so they come after them.
.venv/.engine: .venv/.dev requirements/engine.lock requirements/torch.lock
	@echo "Installing requirements/engine.lock (PyTorch is large) ..."
	@$(PIP) install --no-deps --require-hashes -r requirements/engine.lock
	@$(BIN)/python -c 'import torch' 2>/dev/null || $(PIP) install --no-deps --require-hashes -r requirements/torch.lock
	@$(BIN)/python -c 'import torch' || { echo 'This build of PyTorch does not load here: requirements/torch.lock says which one does.' >&2; exit 1; }
	@echo "Compiling the engine (half a minute) ..."
	@$(BIN)/python -m finops.engine.compiled
	@touch $@

run: .venv/.core  ## Start everything on http://127.0.0.1:8000 (first start plays the demo traffic)
	@$(BIN)/python manage.py up

engine: .venv/.engine  ## Install what runs real models (torch, numba)

test: .venv/.dev  ## Run the tests (no server needed; those that are there are used)
	@$(BIN)/python -m pytest -n auto -m 'not soak'

soak: .venv/.dev  ## Run the long fault and load tests
	@$(BIN)/python -m pytest -m soak -n 0

lint: .venv/.dev  ## Format, lint, types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports

bench: .venv/.dev  ## Measure, beside the peer, and print a table
	@$(BIN)/python -m tests.bench

focus-check: .venv/.dev  ## Check the FOCUS 1.2 export with the official validator (needs Python 3.12+)
	@$(BIN)/python -m tests.focus.validate

lock:  ## Lock the dependencies again (universal, with hashes)
	@test -x $(BIN)/uv || requirements/install "$(PYTHON)" requirements/uv.lock
	@for name in uv core; do $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes requirements/$$name.in -o requirements/$$name.lock; done
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes requirements/core.in requirements/dev.in -o requirements/dev.lock
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-deps -c requirements/dev.lock requirements/engine.in -o requirements/engine.lock

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
