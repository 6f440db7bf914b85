# make study            the study of config/config.yaml, from nothing to its report
# make study CONFIG=my_study/config.yaml DIR=my_study    a study of your own, with its results in DIR
#                       VERBOSE=1 prints each job and where the time went
# make init DIR=my_study FILE=patients.csv    a first configuration from a file of patients
# make audit            check that every result matches its inputs, settings, code and packages
#                       RERUN=5 makes five scenarios again and compares them; JSON=file writes every verdict,
#                       GRAPH=file.svg draws the study coloured by them
# make regenerate SCENARIOS='dose_cutoff == 63 and caliper <= 0.2'    scenarios of a finished study again, or one by its path
# make sign KEY=file    sign an audited study with an OpenSSH key; make audit SIGNERS=file checks whose
# make share            what may be shared of the study in DIR, as one ZIP file (docs/disclosure.md)
# make explain FILE=    how a result came about, back to the cohort, and the command that makes it;
#                       NUMBER=0.74: the rows that a number in it, or in the report, comes from
# make compare A= B=    what differs between two studies, and by how much the estimates moved
# make reconstruct      the committed cohort again from the published numbers (resources/README.md)
# make ensemble         twenty other cohorts that give the published numbers, too; about an hour on two cores
# make bench            the engine beside lifelines and, where it is found, R (benchmarks/README.md)
# make picture DIR=     the picture and the claim of README.md again, from a finished default study in DIR
# make lock             requirements.lock with its hashes, from pyproject.toml (docs/supply_chain.md)
# make check-lock | vulnerabilities    has every platform its files? is a known vulnerability among them?
# make sbom             what is installed, and under which licences: sbom.cdx.json, licences.csv
# make mutants          do the tests notice a wrong library? (docs/mutation.md)
# make test | test-all | lint | clean
SHELL := bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := study

PYTHON ?= python3
CORES ?= all
CONFIG ?=
DIR ?= .
VERBOSE ?=
RERUN ?=
JSON ?=
SIGNERS ?=
GRAPH ?=
KEY ?=
FILE ?=
NUMBER ?=
SCENARIOS ?=
A ?=
B ?=
TESTS ?=
MUTANTS ?=

# Whatever is given is text: make takes no $ in it for one of its own, and the shell sees its name alone.
GIVEN := PYTHON CORES CONFIG DIR VERBOSE RERUN JSON SIGNERS GRAPH KEY FILE NUMBER SCENARIOS A B TESTS MUTANTS
$(foreach name,$(GIVEN),$(eval override $(name) := $$(value $(name))))
export $(GIVEN)

override VENV := .venv
override BIN := $(VENV)/bin
# The library as it is in this clone, also where another is installed.
STUDY := PYTHONPATH="$$PWD/scripts$${PYTHONPATH:+:$$PYTHONPATH}" $(BIN)/python -m survival_multiverse
INSTALLED := $(VENV)/.installed
COMPILED := $(VENV)/.compiled

.PHONY: study init audit regenerate share sign explain compare reconstruct ensemble bench picture lock check-lock sbom vulnerabilities \
    test test-all mutants lint format clean

study: $(COMPILED)
	@$(STUDY) run "--directory=$$DIR" $${CONFIG:+"--configfile=$$CONFIG"} "--cores=$$CORES" \
	    $${VERBOSE:+--verbose}

# Looks only, at the study in DIR; CONFIG is that of its last run unless given.
init: $(INSTALLED)
	@$(STUDY) init "$$DIR" "$$FILE"

audit: $(INSTALLED)
	@$(STUDY) audit "--directory=$$DIR" $${CONFIG:+"--configfile=$$CONFIG"} \
	    $${RERUN:+"--rerun=$$RERUN"} $${JSON:+"--json=$$JSON"} \
	    $${SIGNERS:+"--signers=$$SIGNERS"} $${GRAPH:+"--graph=$$GRAPH"}

regenerate: $(COMPILED)
	@test -n "$$SCENARIOS" || { echo "choose: make regenerate SCENARIOS='dose_cutoff == 63 and caliper <= 0.2'" >&2; exit 2; }
	@$(STUDY) regenerate "--directory=$$DIR" $${CONFIG:+"--configfile=$$CONFIG"} -- "$$SCENARIOS"

share: $(INSTALLED)
	@$(STUDY) share "--directory=$$DIR" $${CONFIG:+"--configfile=$$CONFIG"}

sign: $(INSTALLED)
	@test -n "$$KEY" || { echo "name a private key: make sign KEY=file" >&2; exit 2; }
	@$(STUDY) sign "--directory=$$DIR" $${CONFIG:+"--configfile=$$CONFIG"} "--key=$$KEY"

explain: $(INSTALLED)
	@test -n "$$FILE" || { echo "name a result: make explain FILE=results/…" >&2; exit 2; }
	@$(STUDY) explain "--directory=$$DIR" $${NUMBER:+"--number=$$NUMBER"} -- "$$FILE"

compare: $(INSTALLED)
	@test -n "$$A" && test -n "$$B" || { echo "name two directories: make compare A=… B=…" >&2; exit 2; }
	@$(STUDY) compare -- "$$A" "$$B"

# The same bytes again; what resources/reconstruction.yaml says decides them.
reconstruct: $(COMPILED)
	$(STUDY) reconstruct resources resources/reconstructed_cohort.csv

# More cohorts; their comparison belongs to every study.
ensemble: $(COMPILED)
	@$(STUDY) run "--cores=$$CORES" results/reconstruction/ensemble.parquet
	cp results/reconstruction/ensemble.parquet resources/ensemble.parquet

# Takes about three minutes; for numbers to quote, let the machine do nothing else.
bench: $(COMPILED)
	PYTHONPATH=scripts $(BIN)/python benchmarks/bench.py

# The rest of the documents, too.
picture: $(INSTALLED)
	@$(STUDY) docs "--picture=$$DIR"

lock check-lock vulnerabilities:
	.ci/supply_chain $@

sbom: $(INSTALLED)
	.ci/supply_chain $@

test: $(COMPILED)
	printf %s "$$TESTS" | xargs $(BIN)/python -m pytest --numprocesses logical

# The slow ones, too.
test-all: $(COMPILED)
	$(BIN)/python -m pytest --numprocesses logical -m "slow or not slow"

# One process, without threads of its own that would cost processor time.
mutants: $(COMPILED)
	printf %s "$$MUTANTS" | OPENBLAS_NUM_THREADS=1 PYTHONPATH=scripts xargs $(BIN)/python .ci/mutants.py mutants.tsv

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	PYTHONPATH=scripts $(BIN)/lint-imports
	$(BIN)/snakemake --lint
	$(BIN)/snakemake --lint --snakefile workflow/Snakefile

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(STUDY) docs
	$(BIN)/snakefmt Snakefile workflow

# Results and logs; the environment stays.
clean:
	find results -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -r {} +
	rm -rf logs .snakemake report.zip share.zip sbom.cdx.json licences.csv

# uv takes a tenth of pip's time; where it reaches no index that pip is set to, pip does the same.
$(INSTALLED): requirements.lock requirements-build.lock
	@"$$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	@echo "Set-up, step 1 of 2: the packages of requirements.lock, into $(VENV)"
	@"$$PYTHON" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	    --requirement requirements-build.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-build-isolation \
	    --requirement requirements.lock || { echo "uv could not; pip does it, in a few minutes" && \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-build-isolation \
	    --requirement requirements.lock; }
	@touch $@

# Compiled once here, the kernels are loaded from disk by every job; where nothing can be kept, a run keeps its own.
$(COMPILED): $(INSTALLED) $(wildcard scripts/survival_multiverse/kernels/*.py)
	@test ! -w scripts/survival_multiverse/kernels || { \
	    echo "Set-up, step 2 of 2: machine code of the estimators, in one to two minutes"; \
	    PYTHONPATH=scripts $(BIN)/python -c 'from survival_multiverse.inference.warm_up import compile_kernels; \
	    compile_kernels()' && touch $@; }
