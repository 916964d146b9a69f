# Two commands are enough on a fresh machine: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# What the tests use beyond Python; the demo needs none of it.
SYSTEM := mosquitto postgresql chromium-headless-shell zbar-tools
# What `make bench` measures itself against; without them it measures less.
PEERS := gammu-smsd libdbd-sqlite3
SEEDS ?= 20000
# Else every process would compile everything again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup system demo test check bench simulate kill soak slow texts lock clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## Install the Python packages into .venv, by the hashes of requirements.lock

$(READY): requirements.lock setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Gardu needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python can not make a virtual environment; on Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

system: ## Install the servers and the browser that the tests use
	@deploy/system-packages $(SYSTEM)

demo: $(READY) ## Run the whole system on this machine, with a virtual phone
	@$(BIN)/python deploy/demo/demo.py

test: $(READY) system ## Run the tests
	$(BIN)/pytest

check: $(READY) ## Lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY) ## Measure
	-@deploy/system-packages $(PEERS)
	$(BIN)/python -m bench

simulate: $(READY) ## Crash the production code in SEEDS simulated lives
	GARDU_SEEDS=$(SEEDS) $(BIN)/pytest tests/simulation

kill: $(READY) ## Kill processes 20 times during 200 SMS; takes about five minutes
	GARDU_KILL_MESSAGES=200 GARDU_KILLS=20 $(BIN)/pytest -n 0 tests/test_kill.py

texts: $(READY) ## Collect the texts to translate, and compile the translations
	$(BIN)/pybabel -q extract -k N_ --no-location --omit-header -o gateway/locale/gateway.pot gateway/replies.py
	$(BIN)/pybabel -q update --ignore-pot-creation-date --no-wrap --ignore-obsolete -N -D gateway -d gateway/locale -i gateway/locale/gateway.pot
	$(BIN)/pybabel -q compile -D gateway -d gateway/locale
	rm gateway/locale/gateway.pot
	cd central && ../$(BIN)/pybabel -q extract -F locale/extract.cfg --no-location --omit-header --sort-output -o locale/central.pot .
	$(BIN)/pybabel -q update --ignore-pot-creation-date --no-wrap --ignore-obsolete -N -D central -d central/locale -i central/locale/central.pot
	$(BIN)/pybabel -q compile -D central -d central/locale
	rm central/locale/central.pot

soak: $(READY) ## A day of a gateway with a faulty modem in ten minutes: nothing lost or doubled, memory flat
	GARDU_SOAK_SECONDS=600 $(BIN)/pytest -n 0 --log-cli-level=INFO tests/test_soak.py

slow: $(READY) ## The tests that wait for minutes
	$(BIN)/pytest -m slow

lock: $(READY) ## Write requirements.lock anew from setup.cfg
	$(BIN)/pip-compile --quiet --upgrade --all-extras --generate-hashes --allow-unsafe --strip-extras \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header -o requirements.lock setup.cfg

clean: ## Forget everything that was made here
	rm -rf $(VENV) var build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
