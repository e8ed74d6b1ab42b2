# The commands of this repository; `make help` lists them. Needs Python 3.11+, pip and make.

PYTHON ?= python3
# Many tests wait for servers, so there may be one more at a time than processors.
JOBS ?= 3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
# The same with the compiled wheel in it, instead of the sources.
COMPILED := .venv-compiled
SOURCES := $(shell find src -name __pycache__ -prune -o -print 2>/dev/null)
PAGE := src/pmengine/gateways/page/static
NODE_IS_NEW := const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || a == 20 && b >= 19 ? 0 : 1)
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
# What the wheels' servers, which are newer ones, may do otherwise than the distribution's.
SOME_OF_SERVERS := tests/servers $(addprefix tests/conformance/, \
	test_postgres.py::test_orders test_postgres.py::test_snapshots \
	test_redis.py::test_orders test_redis.py::test_events_on_a_cluster \
	test_redis_streams.py::test_stream_on_killed_server test_redis_streams.py::test_consumers \
	test_redis_streams.py::test_lease) $(addprefix tests/postgres/test_, \
	concurrency.py migration.py partitions.py round_trips.py) $(addprefix tests/redis/test_, \
	acknowledged_deployment.py cache.py cluster.py diagnosis.py stores.py stream_acknowledged.py)
ALL_OF_SERVERS := $(wildcard tests/conformance/test_postgres.py tests/conformance/test_redis*.py) \
	tests/postgres tests/redis tests/servers
PIP := $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check --root-user-action=ignore

.DEFAULT_GOAL := help
.PHONY: help run test check lint types pages bench soak clean venv with-engine with-test with-check
.PHONY: compiled run-compiled test-compiled test-wheels soak-stores demo-distributed web web-check with-npm screenshots

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: with-engine  ## Start the exchange on ./data and feed it the sample; ARGS="--exit" ends after it
	@$(BIN)/pmengine demo $(ARGS)

demo-distributed: with-test  ## Every service as a process; the leading engine is killed while it is fed
	@$(BIN)/python -m examples.distributed $(ARGS)

test: with-test  ## Run the tests; ARGS="tests/registry -k pins" chooses some, JOBS=1 runs one at a time
	@$(BIN)/pytest -n $(JOBS) --dist worksteal $(ARGS)

web: web/node_modules/.package-lock.json  ## Build the web page from web/ into the package; needs Node.js
	@cd web && npm run --silent build

web-check: web/node_modules/.package-lock.json  ## Check its types and tests, and that what is committed is its build
	@made=$$(mktemp -d) && trap 'rm -rf "$$made"' EXIT && cd web && npm test --silent && \
	npm run --silent build -- --outDir "$$made" --emptyOutDir --logLevel warn && \
	if ! diff -r "$$made" ../$(PAGE); then \
		echo "$(PAGE) is not the build of web/: make web, and commit both" >&2; exit 1; \
	fi

screenshots: with-test web/node_modules/.package-lock.json  ## Make the pictures of the documentation anew; needs Chromium
	@PM_REQUIRE=chromium PM_SCREENSHOTS=docs/images $(BIN)/pytest -q --timeout 600 tests/page/test_looks.py
	@if command -v pngquant >/dev/null; then pngquant --force --skip-if-larger --ext .png docs/images/*.png; fi

test-wheels: with-test  ## Run tests of stores on the wheels' Redis and PostgreSQL; ARGS as for test
	@PM_SERVERS=wheels $(BIN)/pytest -n $(JOBS) --dist worksteal $(or $(ARGS),$(SOME_OF_SERVERS))

compiled:  ## Build the compiled wheel and install it in .venv-compiled; needs a C compiler
	@$(MAKE) --no-print-directory VENV=$(COMPILED) venv
	@$(MAKE) --no-print-directory VENV=$(COMPILED) $(COMPILED)/.installed

run-compiled: compiled  ## The same as run, with the compiled engine
	@$(COMPILED)/bin/pmengine demo $(ARGS)

test-compiled: compiled  ## Run the tests of the engine's core on the compiled wheel
	@PM_CODE=compiled $(COMPILED)/bin/pytest -n $(JOBS) --dist worksteal $(or $(ARGS),tests/matching tests/engine tests/cli/test_version.py)

check: lint types pages  ## Check style, types, and that documentation and code agree

lint: with-check  ## Check style and format alone
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: with-check  ## Check types alone, strictly
	@$(BIN)/mypy

pages: with-check  ## Check alone that documentation and code agree
	@$(BIN)/pytest -q -m docs

bench: with-test  ## Run the benchmarks, interpreted and compiled: a table, and JSON under .benchmarks
	@compiled="--compiled $(COMPILED)/bin/python"; \
	$(MAKE) --no-print-directory compiled || { \
		compiled=; echo "The compiled wheel cannot be built here: measuring interpreted code alone" >&2; \
	}; \
	$(BIN)/python -m benchmarks $$compiled $(ARGS)

soak: with-test  ## Run the tests that take minutes, such as killing the exchange again and again
	@$(BIN)/pytest -m soak --timeout 0 $(ARGS)

soak-stores: with-test  ## Run more random histories of stores, and all of their tests on the wheels' servers
	@PM_THOROUGH=$(or $(PM_THOROUGH),20) $(BIN)/pytest --timeout 0 -n $(JOBS) --dist worksteal -k "random or machine" tests/conformance plugins tests/engine
	@PM_SERVERS=wheels $(BIN)/pytest -n $(JOBS) --dist worksteal $(ALL_OF_SERVERS)

clean:  ## Remove the environment and all caches, but no data
	rm -rf $(VENV) $(COMPILED) web/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
	find src tests benchmarks typing_tests plugins -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

web/node_modules/.package-lock.json: web/package-lock.json | with-npm
	@echo "Installing what the web page is built with"
	@cd web && npm ci --silent

with-npm:
	@if ! command -v npm >/dev/null || ! node -e '$(NODE_IS_NEW)'; then \
		echo "Node.js 20.19 or newer with npm is needed (https://nodejs.org; Debian 13: apt install nodejs npm)" >&2; exit 1; \
	fi

# The environment is made anew when its Python is gone (an upgrade of the system); then its
# stamps are gone too, which is why they are judged by a second make.
venv:
	@if ! $(BIN)/python -c "import pip" 2>/dev/null; then \
		if ! command -v $(PYTHON) >/dev/null; then \
			echo "There is no $(PYTHON). Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3" >&2; exit 1; \
		fi; \
		if ! $(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))"; then \
			echo "$$($(PYTHON) --version) is too old: Python 3.11 or newer is needed. Name one: make PYTHON=python3.12" >&2; exit 1; \
		fi; \
		if ! $(PYTHON) -c "import ensurepip, venv" 2>/dev/null; then \
			echo "$(PYTHON) cannot make environments: its venv module is missing (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; \
		fi; \
		echo "Making the environment in $(VENV)"; \
		$(PYTHON) -m venv --clear $(VENV); \
	fi

with-engine with-test with-check: with-%: venv
	@$(MAKE) --no-print-directory $(VENV)/.installed-$*

$(VENV)/.installed-test $(VENV)/.installed-check: ALSO := $(PLUGINS:%=--editable %)
$(VENV)/.installed-%: pyproject.toml $(PLUGINS:%=%/pyproject.toml)
	@echo "Installing what 'pmstore[$*]' needs; the first time this takes a minute"
	@PMENGINE_PURE=1 $(PIP) --editable '.[$*]' $(ALSO)
	@touch $@

$(COMPILED)/.installed: pyproject.toml hatch_build.py $(SOURCES)
	@echo "Compiling the engine, and installing what its tests need"
	@PMENGINE_COMPILED=1 $(PIP) '.[test]'
	@touch $@
