# edge-alpr: every target is one line; `make demo` and `make test` set up what they need.
export PYTHON ?= python3
DEV := .venv-dev/bin

.PHONY: help setup demo test lint types rules unit papers wheel fonts clean
help:    ; @sed -n 's/^# //p' README.md | head -1; grep -E '^[a-z]+: ' Makefile | cut -d: -f1 | xargs echo targets:
setup: .venv/ready .venv-dev/ready
demo: .venv/ready       ; @.venv/bin/edge-alpr demo
test: lint types rules unit
lint: .venv-dev/ready   ; $(DEV)/ruff check .
types: .venv-dev/ready  ; $(DEV)/mypy
rules: .venv-dev/ready  ; $(DEV)/lint-imports
unit: .venv-dev/ready   ; $(DEV)/python -m pytest
wheel: .venv/ready      ; @.venv/bin/python -m pip --disable-pip-version-check wheel --quiet --no-deps --wheel-dir dist .
papers: .venv-dev/ready ; $(DEV)/python -m benchmarks.papers
fonts:                  ; @.ci/fonts
clean:                  ; rm -rf .venv .venv-dev dist build demo-output

.venv/ready: pyproject.toml      ; @.ci/venv .venv .
.venv-dev/ready: pyproject.toml  ; @.ci/venv .venv-dev ".[train,dev]"
