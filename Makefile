# Everything a contributor types. Needs only make and a Python >= 3.11 that has venv; each target sets up what it needs.
#
#   PYTHON=python3.13 make test     another interpreter for a new environment
#   VENV=.venv-try make setup       another place for the environment
#   JOBS=0 make test                without xdist workers
#   ARGS='-k plan -x' make test     more arguments for the command that the target runs

PYTHON ?= python3
VENV ?= .venv
JOBS ?= auto
ARGS ?=
PYTHONS ?=
UPGRADE ?=

SHELL := /bin/sh
bin := $(VENV)/bin
python := $(bin)/python
pytest := $(python) -m pytest
# A test that hangs ends its worker: one failure with every stack, not a lost night. Not loadgroup or loadscope: under
# xdist 3.8 they wait for ever once a worker was replaced (pytest-xdist #1323, #1327).
parallel := -n $(JOBS) --maxprocesses 8 --dist worksteal -o faulthandler_exit_on_timeout=true --durations 10
pip := $(python) -m pip --disable-pip-version-check

# Only when PYTHON was given: an environment of another version must not be taken in silence.
minor := -c 'import sys; print("%d.%d" % sys.version_info[:2])'
same_python = test "`$(PYTHON) $(minor)`" = "`$(python) $(minor)`" || { \
    echo "$(VENV) is not made from $(PYTHON): rm -rf $(VENV), or choose another VENV" >&2; exit 1; }

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-slow crash endurance test-all-pythons check format docs bench lock clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-25s%s\n", $$1, $$2 }'

setup: $(VENV)/.installed ## create the environment from requirements.lock; instantly done when nothing changed
	@$(if $(filter file,$(origin PYTHON)),:,$(same_python))

demo: setup ## the product in one run
	$(python) examples/demo.py $(ARGS)

test: setup ## every test but the slow ones, on all processors
	$(pytest) $(parallel) $(ARGS)

test-slow: setup ## the slow tests only
	$(pytest) $(parallel) -m slow -o faulthandler_timeout=3600 $(ARGS)

crash: setup ## processes and the database killed at every point and at random; prints its counts last
	$(python) -m tests.crash $(ARGS)

endurance: setup ## a million simulated cycles: memory stays flat, the disk within its bound
	$(python) -m tests.simulation.fleet.endurance $(ARGS)

test-all-pythons: ## the tests under every CPython >= 3.11 on PATH, or under those in PYTHONS
	@PYTHONS="$(PYTHONS)" MAKE="$(MAKE)" sh scripts/dev/test_all_pythons.sh

check: setup ## lint, format, types, import contracts, documentation examples
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m mypy
	$(bin)/lint-imports
	$(pytest) tests/docs -q

format: setup ## format the code and fix what ruff can fix
	$(python) -m ruff check --fix --exit-zero --quiet .
	$(python) -m ruff format .

docs: setup ## run every example in the documentation
	$(pytest) tests/docs $(ARGS)

bench: setup ## the benchmarks against peers, one after the other
	$(python) -m bench $(ARGS)

# The lock holds names, versions and hashes for every platform and Python; no index address. The only target that needs uv.
lock: ## resolve requirements.lock anew (needs uv); UPGRADE=1 takes the newest versions
	@command -v uv >/dev/null || { echo "make lock needs uv: python3 -m pip install uv" >&2; exit 1; }
	uv pip compile pyproject.toml engine/pyproject.toml --group dev \
	    --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header --no-annotate --no-config \
	    --no-emit-package aos-workflow --no-emit-package pytest-aos-golden \
	    $(if $(UPGRADE),--upgrade) --quiet --output-file requirements.lock
	@! grep -n '://' requirements.lock || { echo "requirements.lock must not hold addresses" >&2; exit 1; }

clean: ## remove environments, caches and build results
	rm -rf .venv .venv-* build dist engine/dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Two steps, so that an edited tool setting in pyproject.toml costs seconds and a new lock is installed in place.
$(VENV)/.installed: $(VENV)/.locked pyproject.toml engine/pyproject.toml
	$(pip) install --quiet --no-deps --no-build-isolation --editable ./engine --editable .
	@touch $@

$(VENV)/.locked: requirements.lock $(python)
	$(pip) install --quiet --require-hashes --requirement requirements.lock
	@touch $@

$(python):
	@command -v $(PYTHON) >/dev/null || { \
	    echo "$(PYTHON) is not on PATH. Name a Python >= 3.11: make PYTHON=python3.12 setup" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "$(PYTHON) is `$(PYTHON) -V 2>&1`; 3.11 or newer is needed: make PYTHON=python3.12 setup" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) has no venv. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
