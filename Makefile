# Every target is one call of the launcher: Python's standard library is all it needs.
# PYTHON may name the interpreter; otherwise the first one that is new enough is taken.
PYTHON := $(or $(PYTHON),$(firstword $(foreach p,python3.11 python3.12 python3.13 python3.14 python3 python,\
  $(shell $(p) -c 'import sys; sys.version_info >= (3, 11) and print("$(p)")' 2>/dev/null))))
ARGS ?=
SCALE ?= small

.DEFAULT_GOAL := help
.PHONY: help run test faults check lint types fix bench screens lock

help:  ## This list
	@grep -hE '^[a-z]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:.*## /\t/' | expand -t 12

run: python  ## The whole product in the browser (PORT=8000)
	@$(PYTHON) -m launcher run

test: python  ## All tests but the faults; ARGS="tests/orders -k paid" runs some
	@$(PYTHON) -m launcher test $(ARGS)

faults: python  ## The tests that kill processes and cut connections
	@$(PYTHON) -m launcher faults $(ARGS)

check: python  ## Lint, types, import contracts, migrations, schema, audits
	@$(PYTHON) -m launcher check

lint: python  ## Linters only
	@$(PYTHON) -m launcher lint

types: python  ## Type checkers only
	@$(PYTHON) -m launcher types

fix: python  ## Repair what the linters can repair
	@$(PYTHON) -m launcher fix

bench: python  ## Benchmarks (SCALE=small or full)
	@$(PYTHON) -m launcher bench --scale $(SCALE) $(ARGS)

screens: python  ## Pictures of every main page in build/screens/
	@$(PYTHON) -m launcher screens $(ARGS)

lock: python  ## Write the lock files again
	@$(PYTHON) -m launcher lock

.PHONY: python
python:
	@test -n "$(PYTHON)" || { echo "eCRM needs Python 3.11 or newer (python3.11 on PATH, or PYTHON=/path/to/python)." >&2; exit 1; }
