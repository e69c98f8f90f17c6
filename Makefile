# `make report` measures the bundled agent and writes the page, `make test` checks everything; both set up .venv first.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: report test clean

report: .venv/.installed
	$(BIN)/maze-interp report --out runs/report
	@echo "The page: file://$(CURDIR)/runs/report/report.html"

test: .venv/.installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --numprocesses logical --dist loadfile --no-loadscope-reorder

.venv/.installed: setup.cfg pyproject.toml constraints.txt
	@echo "Installing into .venv (once; it takes minutes) ..."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]' --constraint constraints.txt
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
