# The project's commands. `make help` lists them; each sets up what it needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SECONDS ?= 0
KILLS ?= 1000
CUTS ?= 3000
READINGS ?= 100000
TRANSFERS ?= 2000
FRAMES ?= 1000000
COMMANDS ?= 100000
SEED ?= 1

.PHONY: help setup demo test test-slow interop bench day bytes atheris fuzz chaos soak lint wheels firmware docs clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.ready ## Make the virtual environment with everything the other commands need

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "CoMatrix needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "Setting up $(VENV) (once; downloads about 100 MB) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "python3 has no venv module. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,demo]'
	@touch $@

demo: setup ## Watch real MicroPython nodes post into a real homeserver over a lossy link (SECONDS=N ends it by itself)
	@$(BIN)/comatrix demo --seconds $(SECONDS)

test: setup ## Run the fast tests, on all cores (4 to 6 minutes on 2)
	@$(BIN)/python -m pytest -m 'not slow' --numprocesses auto --maxprocesses 4 --dist worksteal

# Those in virtual time fill the cores; those with real processes and real time mostly wait, two files at a time.
VIRTUAL := tests/lora tests/gateway/sim tests/firmware tests/fuzz

test-slow: setup ## Run the tests with a real homeserver and real MicroPython processes, and the long ones in virtual time
	@$(BIN)/python -m pytest -m slow --numprocesses auto --maxprocesses 4 --dist worksteal $(VIRTUAL)
	@$(BIN)/python -m pytest -m slow --numprocesses auto --maxprocesses 2 --dist loadfile $(addprefix --ignore=,$(VIRTUAL))

interop: setup ## Speak with aiocoap, libcoap and node-coap, play the ETSI plugtest cases, print what passed
	@$(BIN)/python -m tests.interop

bench: setup ## Measure CPU a message, messages a second, memory and bytes beside aiocoap and libcoap
	@$(BIN)/python -m comatrix.gateway.bench

day: setup ## Play a day of fifty nodes in a minute, and print what memory, CPU and disk the gateway took
	@$(BIN)/python -m comatrix.gateway.bench.day

bytes: setup ## Print what each message costs on the air
	@$(BIN)/python -m comatrix.gateway.pages.budgets

atheris: setup ## Install the fuzzer, where there is one for this Python; its tests are skipped without it
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary atheris --editable '.[fuzz]' || echo "No atheris for this Python: make fuzz says what that means, and two slow tests are skipped."

fuzz: atheris ## Look for inputs that break what reads bytes from outside (SECONDS=N for each target, 60 if not given)
	@$(BIN)/python -m tests.fuzz --seconds $(if $(filter-out 0,$(SECONDS)),$(SECONDS),60)

chaos: setup ## Kill the gateway, cut its power, take away its homeserver and disk, compare the books (KILLS=N CUTS=N SEED=N)
	@$(BIN)/python -m tests.chaos --kills $(KILLS) --cuts $(CUTS) --seed $(SEED)

soak: setup ## Run LoRa's long figures and hold them to their limits, with a million hostile frames (READINGS=N TRANSFERS=N FRAMES=N COMMANDS=N SEED=N)
	@$(BIN)/python -m tests.lora.soak --readings $(READINGS) --transfers $(TRANSFERS) --frames $(FRAMES) --commands $(COMMANDS) --seed $(SEED)

lint: setup ## Check style (ruff), types (mypy --strict) and layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python firmware/micropython/check_types.py
	@$(BIN)/python -m pytest tests/rules

wheels: setup ## Check that every dependency has a wheel for a 64-bit Raspberry Pi, and for armv7 but cffi (downloads about 20 MB)
	@rm -rf build/wheels && $(BIN)/python -m tests.wheels build/wheels

firmware: setup ## Compile what goes on a device, and print the sizes
	@$(BIN)/python firmware/micropython/build.py

docs: setup ## Make the generated pages anew
	@$(BIN)/python -m comatrix.gateway.pages

clean: ## Remove everything these commands made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
