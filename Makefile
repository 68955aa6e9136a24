# Two commands do everything on a fresh machine: `make demo` and `make test`.
# PYTHON=python3.13 picks another interpreter, in an environment of its own.

PYTHON ?=
WANTED := $(if $(PYTHON),$(PYTHON),python3 python3.13 python3.12 python3.11)
# The first that runs and is new enough; pyenv's are found without being activated.
FOUND := $(shell for p in $(WANTED); do \
	for c in "$$p" $$(ls -d $$HOME/.pyenv/versions/$$(echo $$p | tr -d a-z)*/bin/$$p 2>/dev/null); do \
	"$$c" -c 'import sys; sys.version_info >= (3, 11) or sys.exit(1); print(sys.executable)' 2>/dev/null && exit; \
	done; done)
VENV ?= .venv$(if $(PYTHON),-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
READY := $(VENV)/.installed

# The oldest connector that is supported, in an environment of its own.
CONNECTOR4 := $(VENV)-connector4
CONNECTOR4_READY := $(CONNECTOR4)/.installed
CONNECTOR_TESTS := tests/unit/snowflake tests/unit/cli tests/twin/test_snowflake_writer*.py \
	tests/contract/test_writers.py tests/twin/test_delivery_sink.py

UPGRADE ?=

# A real Apache Kafka needs both; whoever cannot have them does without one.
JAVA = command -v java >/dev/null && command -v mvn >/dev/null || \
	{ apt-get update -q && apt-get install -y -q default-jre-headless maven; } || \
	echo "No Java or Maven to be had: there will be no real Apache Kafka"

export PIP_DISABLE_PIP_VERSION_CHECK = 1
export EVENTS HEADLESS POISON RATE SEED DATA

.PHONY: demo test test-connector4 test-stack test-kafka prove fuzz bench bench-full bench-page \
	lint docs format lock build clean help
.DEFAULT_GOAL := help

help:  ## show this
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 17

demo: $(READY)  ## the whole pipeline on this machine (EVENTS= HEADLESS= POISON= RATE= SEED= DATA=)
	@$(BIN)/python examples/full_stack/run.py

test: $(READY)  ## the whole suite that needs nothing but Python
	@$(BIN)/python -m pytest $(ARGS)

test-connector4: $(CONNECTOR4_READY)  ## what touches the connector, with Snowflake's connector 4.8
	@$(CONNECTOR4)/bin/python -m pytest $(CONNECTOR_TESTS) $(ARGS)

test-stack: $(READY)  ## real Prometheus, Alertmanager, node_exporter (Debian's packages)
	@WINESTREAM_TEST_STACK=1 $(BIN)/python -m pytest tests/stack $(ARGS)

test-kafka: $(READY)  ## the same against a real Apache Kafka, fetched with Maven
	@$(JAVA)
	@WINESTREAM_TEST_KAFKA=1 $(BIN)/python -m pytest -n 0 tests/kafka $(ARGS)

KILLS ?= 500
CUTS ?= 200
HISTORIES ?= 10000
OUTAGE ?= 600
COUNT ?= 1000000

prove: $(READY)  ## the long proof of delivery, half an hour (KILLS= CUTS= HISTORIES= OUTAGE=)
	@$(BIN)/python tests/prove --kills $(KILLS) --cuts $(CUTS) \
		--histories $(HISTORIES) --outage $(OUTAGE)

fuzz: $(READY)  ## a million hostile messages through codec and router (COUNT=)
	@$(BIN)/python tests/prove/fuzz.py --count $(COUNT)

bench: $(READY)  ## the comparison with the floor and the peers (ARGS="--rounds 1 --bytes 1000")
	@$(JAVA)
	@$(BIN)/python -m benchmarks.compare $(ARGS)

bench-full: $(READY)  ## the rest: codec, files, sizes, latency, memory … (ARGS="--only codec")
	@$(JAVA)
	@$(BIN)/python -m benchmarks.full $(ARGS)

bench-page: $(READY)  ## docs/benchmarks.md and its plots, from what both have found
	@$(BIN)/python -m benchmarks.page

lint: $(READY)  ## style, types, layers, SQL
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/sqlfluff lint --disable-progress-bar sql
	$(BIN)/mypy

docs: $(READY)  ## these pages as a site, into build/docs (a warning is an error)
	@$(BIN)/sphinx-build --fail-on-warning --keep-going --fresh-env -b html docs build/docs

format: $(READY)  ## format Python
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

build: $(READY)  ## the wheel and the source distribution, into dist/
	$(BIN)/python -m hatchling build

lock: $(READY)  ## lock what pyproject.toml asks for, for every Python (UPGRADE=--upgrade: newest)
	$(BIN)/uv pip compile --universal $(UPGRADE) --generate-hashes --all-extras \
		--python-version 3.11 --no-header --no-annotate --no-emit-index-url \
		pyproject.toml -o constraints.txt >/dev/null
	@# The same without connector 5; connector 4's boto3 wants an older dateutil.
	@sed -E '/^(snowflake-connector-python|python-dateutil)==|^ +--hash/d; s/ \\$$//' \
		constraints.txt >$(VENV)/without-connector.txt
	@echo 'snowflake-connector-python==4.8.*' | $(BIN)/uv pip compile --universal $(UPGRADE) \
		--generate-hashes --python-version 3.11 --no-header --no-annotate \
		--no-emit-index-url -c $(VENV)/without-connector.txt - \
		-o constraints-connector4.txt >/dev/null

clean:  ## remove what the other targets made
	rm -rf .venv .venv-* build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(READY): constraints.txt pyproject.toml
	@test -n "$(FOUND)" || { echo "No Python 3.11 or newer found among: $(WANTED)"; exit 1; }
	@echo "Installing into $(VENV) with $(FOUND)"
	@"$(FOUND)" -m venv $(VENV)
	@# The lock is whole; an older pip would look for newer releases of what extras name.
	@$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r constraints.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(READY)

# The lock, and in place of its connector the older one with what that needs.
$(CONNECTOR4_READY): $(READY) constraints-connector4.txt
	@echo "Installing into $(CONNECTOR4)"
	@"$(FOUND)" -m venv $(CONNECTOR4)
	@$(CONNECTOR4)/bin/python -m pip install --quiet --require-hashes --no-deps -r constraints.txt
	@$(CONNECTOR4)/bin/python -m pip install --quiet --require-hashes --no-deps \
		-r constraints-connector4.txt
	@$(CONNECTOR4)/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(CONNECTOR4_READY)
