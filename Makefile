# Python 3.11 to 3.14: the first that is found, or the one you name with PYTHON=...
FITS = -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p $(FITS) 2>/dev/null && echo $$p && exit; done)
BOOTSTRAP = $(if $(PYTHON),$(PYTHON) -B geosite/launch/bootstrap.py,echo "No Python from 3.11 to 3.14 was found. \
	Install one, or name it: PYTHON=/path/to/python3.12 make run" >&2; false)
BIN = .venv/bin

.PHONY: help run stop admin train-worker clean test lint messages bench pins install-tests

help: ## show this
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: ## install what is missing, start everything, print the address
	@$(BOOTSTRAP) run

stop: ## stop it from another terminal
	@$(BOOTSTRAP) stop

admin: ## print a new admin password
	@$(BOOTSTRAP) admin

train-worker: ## install what training needs and start its worker
	@$(BOOTSTRAP) train-worker

clean: ## delete data and installed packages, after asking
	@$(BOOTSTRAP) clean

install-tests:
	@$(BOOTSTRAP) install-tests

lint: install-tests ## check style, types, import rules and settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/check_settings.py

# What fails is tried once more and named (R): many tests have whole sites and browsers on two slow cores.
test: lint ## lint, then every test
	$(BIN)/pytest -n 2 --dist loadfile --reruns 1 -rR

bench: install-tests ## measure everything beside others and write docs/benchmarks.md (hours; `python -m bench PART` for one)
	$(BIN)/python -m bench

messages: install-tests ## bring the catalogues of locale/ up to date and compile them
	$(BIN)/python -m tests.catalogue

pins: install-tests ## check that every pin installs on Python 3.11 to 3.14
	$(BIN)/python tests/check_pins.py
