# make repro         the whole reproduction (profile: laptop)
# make test          lint, types and tests, and the coverage of cgn/ and stages/
# make test-all      the same with the tests that take long: kills, full disks, little memory, two clones
# make mutants       mutation testing of the causal core, losses, scores and shards (an hour or two)
# make paper SEED=5  one more seed of MNIST at the paper's sizes (hours); SET='-S key=value' changes parameters
# make emoji SEED=1  one seed of the ImageNet branch on the emoji world, kept in reports/emoji
# make photos PHOTOS=/path/to/folder  counterfactuals, classifiers and scores of your photos, in results/
# make pretrain      the small networks of weights/emoji; NAMES='vgg biggan' only these
# make setup         the environment alone; CPU_INDEX=URL takes torch from PyTorch's index of builds for CPUs
# make lint          lint and types alone
# make docs          the documentation site, in .scratch/site
# make audit         known faults of the packages, and their licences (needs the network)
# make clean         remove the environment and all checkpoints
PYTHON ?= python3
SEED ?= 0
SEEDS ?= 1
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONHASHSEED := 0

.PHONY: help repro paper emoji photos pretrain test test-all unit pipeline campaign coverage mutants setup lint docs \
	audit clean

help:
	@sed -n 's/^# //p' Makefile

repro: setup
	@test -e .git || dvc config --local core.no_scm true  # an unpacked archive
	dvc repro
	@echo "The report is in reports/index.html, the scores in reports/metrics.json."

paper: setup
	python -m experiments.paper run $(SEED) $(SET)

emoji: setup
	python -m experiments.emoji seed $(SEED) $(SET)

photos: setup
	python -m experiments.photos "$(PHOTOS)" --out "$(OUT)" --seeds $(SEEDS) $(SET)

pretrain: setup
	python -m stages.pretrain $(NAMES)

# Both cores have work: each half computes with one thread.
test: setup lint
	@rm -rf .scratch/coverage && mkdir -p .scratch/coverage
	$(MAKE) --jobs=2 --output-sync=target unit pipeline
	$(MAKE) coverage

test-all: export LONG =
test-all: test campaign

LONG ?= -m "not long"
unit pipeline campaign: export OMP_NUM_THREADS = 1

unit:
	coverage run -m pytest tests/unit tests/imagenet $(LONG)

pipeline:
	coverage run -m pytest tests/pipeline $(LONG)

campaign:
	pytest tests/campaign

coverage:
	coverage combine --quiet
	coverage report --format=total

# As for the audit, the tool is beside the environment, not in it.
mutants: setup
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade --target .scratch/mutmut mutmut==3.8.1
	PYTHONPATH=.scratch/mutmut python -m mutmut run
	PYTHONPATH=.scratch/mutmut python -m mutmut results

lint: setup
	ruff check .
	ruff format --check .
	mypy
	lint-imports

docs: setup
	NO_MKDOCS_2_WARNING=1 python -m mkdocs build --strict
	@echo "The site is in .scratch/site/index.html; 'python -m mkdocs serve' shows it with the search."

# The tools have an environment of their own, so that they do not change the one that they look at.
audit: setup
	$(PYTHON) -m venv .scratch/audit
	.scratch/audit/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1 pip-licenses==5.5.5
	.scratch/audit/bin/pip-licenses --python=$(BIN)/python --with-system --order=license
	.scratch/audit/bin/pip-audit --strict --requirement requirements.lock --no-deps --disable-pip

setup: .venv/installed

.venv/installed: requirements.lock
	$(PYTHON) -m venv .venv
ifdef CPU_INDEX
	grep -E '^torch(vision)?==' $< | $(PIP) --no-deps --index-url $(CPU_INDEX) --requirement /dev/stdin
	grep -Ev '^(nvidia|triton|torch(vision)?==)' $< | $(PIP) --requirement /dev/stdin
else
	$(PIP) --requirement $<
endif
	@touch $@

clean:
	rm -rf .venv .scratch
