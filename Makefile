# make env    make .venv with the tested versions
# make demo   the whole way on digital patients, into demo/
# make test   all tests, in two processes; WORKERS=1 for one
.PHONY: env demo test clean

PYTHON ?= python3.11
BIN := .venv/bin
WORKERS ?= 2

env: .venv/.ready

.venv/.ready: setup.py pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch $@

demo: env
	$(BIN)/monai-dcgan demo --out demo

test: env
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile

clean:
	rm -rf .venv demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
