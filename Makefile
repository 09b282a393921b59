# Two commands do everything: `make demo` and `make test`. Needs Python 3.11+, make, git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
REPORTS := daily_health retry_storm trends incident phase5 sla_weekly baselines sla_monthly scorecard \
  validation parity
# Bytecode is cached on purpose: without it every kernel start pays 3.5 times the import cost.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test setup lint types contract notebooks unit lab clean

help:
	@echo "make demo   set up, build the demo warehouse, run the reports, print where they are"
	@echo "make test   set up, lint, types, import contract, notebooks, tests"
	@echo "make lab    JupyterLab with nbkit installed"

$(VENV)/.base: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e .
	@touch $@

$(VENV)/.test: $(VENV)/.base
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[test]"
	@touch $@

setup: $(VENV)/.base

# Each report is a line of .demo-NAME.txt until all are done; the hand-off reads what they found.
demo: $(VENV)/.base
	@$(BIN)/nbkit demo build --if-missing demo.duckdb
	@$(BIN)/nbkit demo hang > .demo-hang.txt & hang=$$!; \
	printf '%s\n' $(REPORTS) | xargs -P $(JOBS) -I @ sh -c \
	  '$(BIN)/nbkit run @ --params params/@/demo.yaml --exit-zero > .demo-@.txt 2>&1'; made=$$?; \
	wait $$hang; hang=$$?; \
	$(BIN)/nbkit run handoff --params params/handoff/demo.yaml --exit-zero > .demo-z-handoff.txt 2>&1; \
	last=$$?; cat .demo-*.txt; rm -f .demo-*.txt; [ $$made$$hang$$last = 000 ]
	@echo "Reports: $(CURDIR)/reports/index.html"

test: lint types contract notebooks unit

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/mypy

contract: $(VENV)/.test
	$(BIN)/lint-imports

notebooks: $(VENV)/.test
	$(BIN)/nbstripout --keep-id --verify $$(git ls-files '*.ipynb')

unit: $(VENV)/.test
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

lab: $(VENV)/.base
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[lab]"
	$(BIN)/jupyter lab notebooks

clean:
	rm -rf $(VENV) build demo.duckdb .nbkit
