# Two commands: `make demo` runs the main job, `make test` passes the tests. Each does all its own set-up.

PY := .venv/bin/python

.PHONY: help demo test check bench clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

demo:  ## the whole job on an embedded sandbox; ends with a scorecard in demo/site/index.html
	@sh scripts/prepare venv demo
	@.venv/bin/unanswered demo --out demo

test: check  ## types, style and all tests, real servers included
	@sh scripts/prepare servers
	@$(PY) -m pytest -n 2 $(ARGS)

check:  ## types and style only
	@sh scripts/prepare venv dev
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

bench:  ## speed, as ratios to a floor measured in the same run
	@sh scripts/prepare venv dev
	@sh scripts/prepare servers
	@$(PY) -m tests.benchmarks

clean:  ## remove what make has made
	rm -rf .venv node_modules demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
