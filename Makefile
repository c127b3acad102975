# make demo    a simulated mosaic, aligned by strun, checked against the truth
# make test    the whole test suite with ruff, mypy and the import contracts
# make wheel   the wheel and the archive of the sources: built, checked, and the wheel tried alone
#
# make test-jwst    the tests that need the stock pipeline, in an environment of its own
# make test-hst     the tests that need drizzlepac, in an environment of its own
# make test-roman   the tests that need romancal, in an environment of its own
#
# make docs         the documentation as a site, docs/_build/html; warnings are errors
# make docs-full    the same with all notebooks executed; minutes
#
# make same-bits   a fixed scene gives the bits that this machine wrote (tests/runs/test_same_results.py)
# make soak    exposures with faults thrown in, workers killed; minutes
# make fuzz    hostile files, answers and signals: thousands of readings, 800 whole runs; 40 minutes
#
# make bench-align, bench-accuracy, bench-ceers, bench-hst, bench-roman    the figures in the documentation
# make bench-peers    beside jwst, JHAT, drizzlepac and romancal, in environments of their own, and SCAMP of Debian
#
# PYTHON=python3.12 make test    with another Python; each version has its own environment.

PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
VENV := .venv/$(VERSION)
VENV_DEMO := .venv/demo-$(VERSION)
VENV_WHEEL := .venv/wheel-$(VERSION)
VENV_JWST := .venv/jwst-$(VERSION)
VENV_HST := .venv/hst-$(VERSION)
VENV_ROMAN := .venv/roman-$(VERSION)
VENV_PEERS := .venv/peers-$(VERSION)
VENV_DOCS := .venv/docs-$(VERSION)
PIP := -m pip install --quiet --disable-pip-version-check
export OMP_NUM_THREADS ?= 1

.PHONY: demo test wheel same-bits soak fuzz test-hst test-roman test-jwst lint bench-align bench-accuracy bench-ceers \
	bench-hst bench-roman bench-peers docs docs-full clean

demo: $(VENV_DEMO)/.ready
	$(VENV_DEMO)/bin/python benchmarks/demo.py

test: $(VENV)/.ready lint
	$(VENV)/bin/python -m pytest -n 2 --dist loadfile -m "not jwst and not hst and not roman and not slow"

docs: $(VENV_DOCS)/.ready
	$(VENV_DOCS)/bin/python -m sphinx -q -E -W --keep-going -b html docs docs/_build/html

docs-full: export DOCS_FULL = 1
docs-full: docs

soak: $(VENV)/.ready
	$(VENV)/bin/python -m pytest -m slow tests/runs/test_soak.py

fuzz: $(VENV)/.ready
	FUZZ=2000 $(VENV)/bin/python -m pytest tests/fuzz/test_fuzz.py tests/test_adversarial_catalogs.py
	$(VENV)/bin/python benchmarks/reliability.py

same-bits: $(VENV)/.ready
	SAME_BITS=1 $(VENV)/bin/python -m pytest tests/runs/test_same_results.py

lint: $(VENV)/.ready
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

# in an empty folder with an empty environment, as a user has it: nothing of the checkout is there
wheel: $(VENV_WHEEL)/.ready
	rm -rf dist
	$(VENV_WHEEL)/bin/python -m build --quiet
	$(VENV_WHEEL)/bin/twine check --strict dist/*
	sh benchmarks/try_wheel.sh $(PYTHON) dist/*.whl

test-jwst: $(VENV_JWST)/.ready
	$(VENV_JWST)/bin/python -m pytest -m jwst tests/runs/test_stock.py

test-hst: $(VENV_HST)/.ready
	$(VENV_HST)/bin/python -m pytest -m hst tests/runs/test_drizzlepac.py tests/runs/test_drizzlepac_parameters.py \
		tests/runs/test_tweakback.py tests/runs/test_recipe.py

test-roman: $(VENV_ROMAN)/.ready
	$(VENV_ROMAN)/bin/python -m pytest -m roman tests/runs/test_romancal.py

bench-roman: $(VENV_ROMAN)/.ready
	$(VENV_ROMAN)/bin/python benchmarks/roman.py

bench-hst: $(VENV_HST)/.ready
	$(VENV_HST)/bin/python benchmarks/hst.py

bench-peers: $(VENV)/.ready $(VENV_PEERS)/.ready $(VENV_HST)/.ready $(VENV_ROMAN)/.ready
	PEERS_PYTHON=$(VENV_PEERS)/bin/python $(VENV)/bin/python benchmarks/peers.py JWST
	HST_PYTHON=$(VENV_HST)/bin/python $(VENV)/bin/python benchmarks/peers.py HST
	$(VENV_ROMAN)/bin/python benchmarks/peers.py Roman

bench-align bench-accuracy: bench-%: $(VENV_JWST)/.ready
	$(VENV_JWST)/bin/python benchmarks/$*.py
	test $* = align || $(VENV_JWST)/bin/python benchmarks/$*.py --stcal

bench-ceers: $(VENV)/.ready
	$(VENV)/bin/python benchmarks/ceers.py
	$(VENV)/bin/python benchmarks/ceers_images.py

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python $(PIP) --editable ".[test,plots]"
	touch $@

$(VENV_DEMO)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV_DEMO)
	$(VENV_DEMO)/bin/python $(PIP) --editable .
	touch $@

$(VENV_WHEEL)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV_WHEEL)
	$(VENV_WHEEL)/bin/python $(PIP) build twine
	touch $@

$(VENV_JWST)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV_JWST)
	$(VENV_JWST)/bin/python $(PIP) jwst pytest hypothesis
	$(VENV_JWST)/bin/python $(PIP) --editable .
	touch $@

$(VENV_HST)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV_HST)
	$(VENV_HST)/bin/python $(PIP) drizzlepac pytest hypothesis
	$(VENV_HST)/bin/python $(PIP) --editable ".[hst]"
	touch $@

$(VENV_ROMAN)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV_ROMAN)
	$(VENV_ROMAN)/bin/python $(PIP) romancal pytest hypothesis
	$(VENV_ROMAN)/bin/python $(PIP) --editable ".[roman]"
	touch $@

$(VENV_PEERS)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV_PEERS)
	$(VENV_PEERS)/bin/python $(PIP) jhat==0.3.7
	touch $@

$(VENV_DOCS)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV_DOCS)
	$(VENV_DOCS)/bin/python $(PIP) --editable ".[docs,plots]"
	touch $@

clean:
	rm -rf .venv .demo docs/_build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
