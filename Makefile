# Everything that is done with this project. `make` alone lists it.
#
# .venv holds exactly what requirements/*.txt pins, and Envoy as the wheel that users get, with its
# bytecode: what is tried, tested and measured is what is shipped. Needs git, make, and python3 of
# version 3.11 to 3.13 with venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip --quiet
SOURCES := $(shell find src -name '*.py' -o -name 'py.typed' -o -name '*.pyi') pyproject.toml README.md
CODE := src tests tools $(wildcard demo bench)

.PHONY: help demo test quick bench prove prove-long docs requirements clean
.DEFAULT_GOAL := help
# A recipe that fails leaves no target behind that looks made.
.DELETE_ON_ERROR:

help:
	@echo "make demo    a lead and two agents share a space, in a temporary home, under a minute"
	@echo "make test    format, lint, types, tests, coverage: what has to pass"
	@echo "make quick   the same for what was changed, without slow tests and coverage"
	@echo "make bench   measure this machine and Envoy on it; JSON and a table in bench/out (ARGS=--quick)"
	@echo "make prove   faults, attacks and what else could break it, in minutes: docs/proof.md"
	@echo "make prove-long   the same for an hour"
	@echo "make docs    write docs/reference and the other generated pages"
	@echo "make requirements   pin the dependencies anew (asks the package index)"

demo: $(VENV)/.envoy
	@$(BIN)/python demo/run.py

# What tests write stays in memory where that has the room, in kilobytes: a thousand homes, each
# durable many times over, wait for a disk longer than for the processor.
memory = $$(test "$$(df -k /dev/shm 2>/dev/null | awk 'END { print $$4 }')" -gt $(1) 2>/dev/null \
  && echo env TMPDIR=/dev/shm)
MEMORY = $(call memory,1000000)
# Three at once on two processors: many tests wait for processes of their own.
PYTEST = $(BIN)/python -m pytest -q -n 3 -o tmp_path_retention_policy=failed

test: $(VENV)/.dev $(VENV)/.envoy
	@echo "== format and lint"
	@$(BIN)/ruff format --quiet --check $(CODE)
	@$(BIN)/ruff check --quiet $(CODE)
	@echo "== types"
	@$(BIN)/mypy --no-error-summary src tests tools
	@echo "== tests"
	@mkdir -p build
	@$(call memory,8000000) $(PYTEST) -m "not prove" --cov --cov-branch --cov-report=json:build/coverage.json
	@$(BIN)/python tools/coverage_gate.py build/coverage.json

quick: $(VENV)/.dev $(VENV)/.envoy
	@$(BIN)/ruff format --quiet --check $(CODE)
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/mypy --no-error-summary src tests tools
	@$(MEMORY) $(PYTEST) -m "not slow and not prove" --hypothesis-profile=quick $$($(BIN)/python tools/nearby.py)

bench: $(VENV)/.dev $(VENV)/.envoy
	@$(BIN)/python -m bench $(ARGS)

# --- the proof: every suite is a target of its own; one more is one more name in a list ---

PROVE := prove-tests prove-simulator prove-fuzz prove-abuse prove-crowd prove-faults prove-mutation
PROVE_LONG := prove-long-simulator prove-long-planted prove-long-fuzz prove-long-crowd \
  prove-long-faults prove-long-mutation
SIM = PYTHONPATH=tests $(BIN)/python -m sim

.PHONY: $(PROVE) $(PROVE_LONG)
prove: $(PROVE)
prove-long: $(PROVE_LONG)

prove-tests: $(VENV)/.dev $(VENV)/.envoy
	@echo "== tests that take a minute each"
	@$(MEMORY) $(PYTEST) -m prove

prove-simulator: $(VENV)/.dev $(VENV)/.envoy
	@echo "== simulator: seeds"
	@$(SIM) --seeds 0:1000 --minutes 3 --workers 2

prove-long-simulator: $(VENV)/.dev $(VENV)/.envoy
	@echo "== simulator: seeds, then long ones"
	@$(SIM) --seeds 0:100000 --minutes 20 --workers 2
	@$(SIM) --seeds 0:100000 --minutes 5 --workers 2 --long --deep

prove-long-planted: $(VENV)/.dev
	@echo "== simulator: planted bugs"
	@$(SIM) --planted --seeds-max 400 --starts 1

FUZZ = PYTHONPATH=tests $(BIN)/python -m fuzz

prove-fuzz: $(VENV)/.dev $(VENV)/.envoy
	@echo "== fuzz: every target for a few seconds"
	@$(FUZZ) all --seconds 5

prove-long-fuzz: $(VENV)/.dev $(VENV)/.envoy
	@echo "== fuzz: the codec and the reducers for minutes, then every target"
	@$(FUZZ) codec --seconds 240 --seed 2
	@$(FUZZ) reducers --seconds 240 --seed 2
	@$(FUZZ) all --seconds 30 --seed 2

prove-abuse: $(VENV)/.dev $(VENV)/.envoy
	@echo "== abuse: every row of docs/threat-model.md"
	@$(call memory,8000000) $(PYTEST) -m "not prove" tests/abuse

CROWD = PYTHONPATH=tests:. $(BIN)/python -m crowd

prove-crowd: $(VENV)/.dev $(VENV)/.envoy
	@echo "== crowd: many processes on one home, members who wrote apart"
	@$(CROWD).home --processes 8 --seconds 20 --pause 0.2
	@$(CROWD).merge --members 5 --writes 50

prove-long-crowd: $(VENV)/.dev $(VENV)/.envoy
	@echo "== crowd: 50 processes on one home, 20 members with 1,000 writes each"
	@$(CROWD).home --processes 50 --seconds 300
	@$(CROWD).merge --members 20 --writes 1000

FAULTS = PYTHONPATH=tests $(MEMORY) $(BIN)/python -m

prove-faults: $(VENV)/.dev $(VENV)/.envoy
	@echo "== faults: system calls, kills, power cuts, changed bytes"
	@$(FAULTS) faults.calls --sample 3 --seconds 60
	@$(FAULTS) faults.kills --count 60 --seconds 60
	@$(FAULTS) faults.power --states 400 --seconds 40
	@$(FAULTS) faults.bytes --seconds 40

prove-long-faults: $(VENV)/.dev $(VENV)/.envoy
	@echo "== faults: the same for minutes"
	@$(FAULTS) faults.calls --sample 40 --seconds 300 --seed 2
	@$(FAULTS) faults.kills --count 2000 --seconds 300 --seed 2
	@$(FAULTS) faults.power --states 100000 --only relay --seconds 120 --seed 2
	@$(FAULTS) faults.power --states 100000 --only home --seconds 120 --seed 2
	@$(FAULTS) faults.bytes --full --seconds 180 --seed 2

MUTATION = PYTHONPATH=tests $(BIN)/python -m mutation

prove-mutation: $(VENV)/.dev $(VENV)/.envoy
	@echo "== mutation: a minute of slips in what decides"
	@$(MUTATION) --minutes 1 --workers 2 --least 85

prove-long-mutation: $(VENV)/.dev $(VENV)/.envoy
	@echo "== mutation: the same for minutes"
	@$(MUTATION) --minutes 15 --workers 2 --seed 2 --least 90

docs: $(VENV)/.dev
	@PYTHONPATH=src $(BIN)/python tools/make_docs.py

# --- the environment ---

# One sentence instead of a traceback where something is missing.
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Envoy needs Python: install the package python3."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
	  echo "Envoy needs Python 3.11 to 3.13, $(PYTHON) is $$($(PYTHON) -V): make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Envoy needs the module venv: install the package python3-venv."; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# Wheels only: building a package would fetch tools that nobody pinned.
$(VENV)/.base: requirements/base.txt | $(BIN)/python
	@echo "== installing requirements/base.txt"
	@$(PIP) install --require-hashes --only-binary :all: -r $<
	@$(BIN)/python -m compileall -qq $(VENV)/lib || true
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(BIN)/python
	@echo "== installing requirements/dev.txt"
	@$(PIP) install --require-hashes --only-binary :all: -r $<
	@$(BIN)/python -m compileall -qq $(VENV)/lib || true
	@touch $@

# pip compiles what it installs, but leaves it to its settings; a start without bytecode costs
# several times as much, so it is done here whatever PYTHONDONTWRITEBYTECODE says.
$(VENV)/.envoy: $(VENV)/.base $(SOURCES)
	@rm -rf build/wheel
	@$(PIP) wheel --no-build-isolation --no-deps --no-index --wheel-dir build/wheel .
	@$(PIP) install --force-reinstall --no-deps --no-index build/wheel/*.whl
	@$(BIN)/python -m compileall -q $$($(BIN)/python -Ic 'import envoy; print(envoy.__path__[0])')
	@touch $@

# --- pins ---

# The public index alone decides, whatever the settings of this machine are; no address is written.
PUBLIC := env -u PIP_FIND_LINKS -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null
COMPILE := $(PUBLIC) ../build/lock/bin/pip-compile --quiet --upgrade --no-config --generate-hashes \
  --allow-unsafe --strip-extras --no-header --no-annotate --no-emit-index-url \
  --no-emit-find-links --no-emit-trusted-host --no-emit-options

requirements:
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip --quiet install --require-hashes -r requirements/lock.txt
	@cd requirements && for name in base dev lock; do \
	  $(COMPILE) --output-file $$name.txt $$name.in || exit 1; done

clean:
	@rm -rf build $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
