# make study            the study of config/config.yaml, from nothing to its report
# make study CONFIG=my_study/config.yaml DIR=my_study    a study of your own, with its results in DIR
# make bench            the engine beside lifelines and, where it is found, R (benchmarks/README.md)
# make test | lint | clean
SHELL := bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := study

PYTHON ?= python3
CORES ?= all
CONFIG ?=
DIR ?= .

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
COMPILED := $(VENV)/.compiled
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES)
OWN := $(if $(CONFIG),--configfile $(CONFIG)) $(if $(filter-out .,$(DIR)),--directory $(DIR))

.PHONY: study bench test lint format clean

study: $(COMPILED)
	$(SNAKEMAKE) --logger rich $(OWN)
	@echo "The report: $(abspath $(DIR))/results/report/robustness.html"

# Takes about four minutes; for numbers to quote, let the machine do nothing else.
bench: $(COMPILED)
	PYTHONPATH=scripts $(BIN)/python benchmarks/bench.py

test: $(COMPILED)
	$(BIN)/python -m pytest $(TESTS)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	PYTHONPATH=scripts $(BIN)/lint-imports
	$(BIN)/snakemake --lint
	$(BIN)/snakemake --lint --snakefile workflow/Snakefile

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	PYTHONPATH=scripts $(BIN)/python scripts/generate_documents.py
	$(BIN)/snakefmt Snakefile workflow

# Results and logs; the environment stays.
clean:
	find results -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -r {} +
	rm -rf logs .snakemake report.zip

$(INSTALLED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@touch $@

# Compiled once here, the kernels are loaded from disk by every job.
$(COMPILED): $(INSTALLED) $(wildcard scripts/survival_multiverse/kernels/*.py)
	PYTHONPATH=scripts $(BIN)/python -c 'from survival_multiverse.warm_up import warm_up; warm_up()'
	@touch $@
