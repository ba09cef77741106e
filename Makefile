.DEFAULT_GOAL := help
.PHONY: help setup demo test check fix bench gpu locks

export PATH := $(CURDIR)/.venv/bin:$(PATH)

help: ## List what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make .venv with everything below needs (a few minutes the first time)
	@deploy/setup.sh

demo: setup ## Serve a small model, roll out a fault, watch its attention; DEMO_FAULT=stale DEMO_ONCE=1
	@attention-sidecar demo

test: setup ## Run the tests, those against real services included; ARGS="-m 'not slow'"
	@python -m pytest $(ARGS)

check: setup ## Check style, types, imports and generated files; changes nothing
	ruff check
	ruff format --check
	mypy
	python -m benchmarks.render --check
	python -m tools.reference --check
	python -m tools.schemas --check
	python -m tools.chart --check
	python -m tools.kustomize --check
	python -m tools.compose --check
	python -W ignore::DeprecationWarning -m dashboards --check
	python -m tools.rendered --check
	python -m pytest -q $(addprefix tests/test_,imports.py docs.py locks.py tracked_files.py)

fix: setup ## Format, and generate documentation tables anew
	ruff check --fix
	ruff format
	python -m benchmarks.render
	python -m tools.reference
	python -m tools.schemas
	python -m tools.chart
	python -m tools.kustomize
	python -W ignore::DeprecationWarning -m dashboards
	python -m tools.rendered
	python -m tools.compose

bench: setup ## Run every benchmark and keep its figures in benchmarks/results
	@for script in $$(grep -l '^if __name__' benchmarks/*.py | grep -v render.py); do \
		name=$$(basename $$script .py); \
		python -m benchmarks.$$name --json benchmarks/results/$$name.json || [ $$? = 77 ] || exit 1; \
	done
	@python -m benchmarks.render

gpu: ## On a machine with a GPU and vLLM for it: its tests and benchmarks; uses the Python at hand
	@tools/gpu.sh

locks: setup ## Resolve the dependencies anew into deploy/locks
	@deploy/locks/compile.sh
