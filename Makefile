# `make help` lists what can be made. Everything sets itself up in .venv: all it needs is Python 3.11 or newer and make.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
N_CASES ?= 1200
SEED ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help setup report test validate lint types contracts notebooks figures codebook wheel bench lowest clean
.DEFAULT_GOAL := help

help:  ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found; name it: make PYTHON=/path/to/python3.12 report"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/pyvenv.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/pyvenv.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.run

setup: $(VENV)/.dev  ## Set up all that is needed to work on it

report: $(VENV)/.run  ## The main job: simulate cases, check them, write the report in three languages to build/report/
	@mkdir -p build
	$(BIN)/se-outcomes simulate build/cases.csv --n-cases $(N_CASES) --seed $(SEED) --force
	$(BIN)/se-outcomes check build/cases.csv --mapping analyses/simulated.toml
	$(BIN)/se-outcomes report build/cases.csv --mapping analyses/simulated.toml --out build/report --language en nb nn

test: $(VENV)/.dev  ## The test suite (ten minutes on two cores)
	$(BIN)/python -m pytest -n auto --dist loadscope

validate: $(VENV)/.dev  ## The long runs: Monte Carlo tables, generated corruption by the thousand, brute-force truth (three hours)
	$(BIN)/python -m pytest -n auto -m slow

lint: $(VENV)/.dev  ## ruff: style and imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## mypy on the package
	$(BIN)/mypy

contracts: $(VENV)/.dev  ## import-linter: imports only go down
	$(BIN)/lint-imports

notebooks: $(VENV)/.dev  ## Run every notebook on simulated cases (nothing is stored)
	$(BIN)/python -m pytest --nbmake --nbmake-timeout=300 -p no:cacheprovider analyses

codebook: $(VENV)/.run  ## Write data_schema/README.md anew from the schema
	$(BIN)/se-outcomes codebook > build-codebook.md && mv build-codebook.md data_schema/README.md

figures: report  ## Renew the picture that the README shows
	cp build/report/en/figures/passage_referral.png README_figure.png

bench: $(VENV)/.dev  ## Time and memory: check and report, selection models, few offices, both gates
	$(BIN)/python benchmarks/check_and_report.py
	$(BIN)/python benchmarks/selection_models.py
	$(BIN)/python benchmarks/few_offices.py
	$(BIN)/python benchmarks/two_gates.py

lowest:  ## The suite on the oldest releases that pyproject.toml allows
	$(PYTHON) -m venv --clear build/lowest
	build/lowest/bin/python tests/lowest.py > build/lowest/pins.txt
	build/lowest/bin/python -m pip install --quiet --constraint build/lowest/pins.txt --editable '.[dev]'
	build/lowest/bin/python -m pytest -n auto --dist loadscope

wheel: $(VENV)/.dev  ## Build the wheel and try it in an empty environment
	$(BIN)/python -m build --wheel --outdir build/dist .
	$(PYTHON) -m venv --clear build/wheel
	build/wheel/bin/python -m pip install --quiet build/dist/*.whl
	cd build && wheel/bin/se-outcomes codebook > /dev/null
	cd build && wheel/bin/se-outcomes simulate wheel/cases.parquet --n-cases 400 --seed 1 --force
	cd build && wheel/bin/se-outcomes report wheel/cases.parquet --outcome-observed all --out wheel/report --language nn

clean:  ## Remove what was made (.venv and build)
	rm -rf $(VENV) build .pytest_cache .ruff_cache .mypy_cache
