# `make report` measures the bundled agent and writes the page, `make test` checks everything, `make docs` builds the site
# in docs/_build/html and runs its notebooks (NOTEBOOKS=off: without running them), `make findings` renews the results behind
# the site; each sets up .venv first.

PYTHON ?= python3
NOTEBOOKS ?= cache
BIN := .venv/bin

.PHONY: report test docs findings clean

report: .venv/.installed
	$(BIN)/maze-interp report --out runs/report
	@echo "The page: file://$(CURDIR)/runs/report/report.html"

test: .venv/.installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --numprocesses logical --dist loadfile --no-loadscope-reorder

docs: .venv/.docs
	$(BIN)/sphinx-build -W --keep-going -q -D nb_execution_mode=$(NOTEBOOKS) -b html docs docs/_build/html
	@echo "The site: file://$(CURDIR)/docs/_build/html/index.html"

findings: .venv/.installed
	$(BIN)/python scripts/renew_findings.py $(if $(ONLY),--only $(ONLY))
	$(BIN)/python scripts/readme_picture.py
	$(BIN)/python scripts/learning_curves.py

.venv/.docs: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]' --constraint constraints.txt
	@touch $@

.venv/.installed: setup.cfg pyproject.toml constraints.txt
	@echo "Installing into .venv (once; it takes minutes) ..."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]' --constraint constraints.txt
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
