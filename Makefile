.DEFAULT_GOAL := help
# The first interpreter that really runs (a shim can exist and still fail) and is 3.11 or newer.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN    := .venv/bin
PIP    := $(BIN)/python -m pip install -q --disable-pip-version-check

# uv installs fast; pip follows where uv can't reach the index (pip's own settings are invisible to uv).
define install
	@test -n "$(PYTHON)" || { echo 'Python 3.11 or newer is needed: install it, or set PYTHON=/path/to/python.' >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo 'Installing $(1) (first time only) ...'
	@{ $(PIP) --require-hashes -r requirements/uv.lock \
	  && $(BIN)/uv pip sync -q --require-hashes --compile-bytecode $(1) --python $(BIN)/python; } \
	  || $(PIP) --require-hashes -r $(1)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip -q
	@$(PIP) --no-deps --no-build-isolation --no-index -e sdk
	@touch $@
endef

.PHONY: run test soak lint bench lock help

.venv/.core: requirements/core.lock requirements/uv.lock sdk/pyproject.toml
	@if test -e .venv/.dev && ! test requirements/core.lock -nt .venv/.dev; then touch $@; else $(MAKE) -s .venv/.core-install; fi

.venv/.core-install: requirements/core.lock
	$(call install,requirements/core.lock)
	@touch .venv/.core

.venv/.dev: requirements/dev.lock requirements/uv.lock sdk/pyproject.toml
	$(call install,requirements/dev.lock)
	@touch .venv/.core

run: .venv/.core  ## Start everything on http://127.0.0.1:8000 (first start plays the demo traffic)
	@$(BIN)/python manage.py up

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

lock:  ## Lock the dependencies again (universal, with hashes)
	@test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(PIP) --require-hashes -r requirements/uv.lock; }
	@for name in uv core; do $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes requirements/$$name.in -o requirements/$$name.lock; done
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes requirements/core.in requirements/dev.in -o requirements/dev.lock

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
