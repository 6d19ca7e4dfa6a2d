# The README's first two commands are `make demo` and `make test`. Only Python and make are needed.
PYTHON ?= python3
VENV   ?= .venv
# What `make test` installs beside the core. `.ci/run` adds the training stack: make test EXTRAS=dev,train
EXTRAS ?= dev
BIN    := $(VENV)/bin

# The kernels are compiled when they, or what compiles them, have changed.
KERNELS := setup.py $(wildcard src/kontur/kernels/*.py src/kontur/kernels/*.pxd src/kontur/*/*_kernel.py)

.PHONY: kernels demo test test-slow test-web lint types format clean

kernels: $(VENV)/.core

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml $(KERNELS) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.$(EXTRAS): pyproject.toml $(KERNELS) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[$(EXTRAS)]'
	@touch $@ $(VENV)/.core

demo: $(VENV)/.core  ## segment a real photo and say where the pictures are
	$(BIN)/kontur demo --output demo-out --force

test: $(VENV)/.$(EXTRAS)  ## the test suite, without the tests that take minutes
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

test-slow: $(VENV)/.$(EXTRAS)  ## only the tests that take minutes
	$(BIN)/python -m pytest -m slow

test-web: $(BIN)/python  ## the page in a real browser: Debian's Chromium (installed where this runs as root) and Playwright
	command -v chromium || command -v chromium-browser || { apt-get update && apt-get install -y --no-install-recommends chromium; }
	$(BIN)/python -m pip install --quiet --editable '.[dev,web]'
	$(BIN)/python -m pytest -m "not slow" tests/web/test_page.py tests/web/test_page_use.py -rs

lint: $(VENV)/.$(EXTRAS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.$(EXTRAS)
	$(BIN)/mypy

format: $(VENV)/.$(EXTRAS)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf build dist kontur-out demo-out .pytest_cache .mypy_cache .ruff_cache
	find src -name '*.so' -delete
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
