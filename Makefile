# `make` alone lists the targets. Needed: Python 3.11 or newer, and make.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(READY) ## Make .venv with the pinned packages (done by the other targets when needed)

$(READY): requirements/dev.txt requirements/uv.txt pyproject.toml tools/setup
	@tools/setup
	@touch $@

.PHONY: demo
demo: $(READY) ## Run the whole thing on this machine: local org, simulated systems, connector
	@$(BIN)/connector demo

.PHONY: test
test: $(READY) ## Run the tests, as many at once as there are processors (JOBS=n)
	@$(BIN)/python -m pytest -n $(or $(JOBS),auto) --dist loadfile --no-loadscope-reorder

.PHONY: simulate
simulate: $(READY) ## Simulate crashes and lost messages in many worlds (SEEDS=n, JOBS=n; SEED=k replays one)
	@$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),300) --jobs $(or $(JOBS),1))

.PHONY: check
check: $(READY) ## Format, lint, types, import rules, documentation
	@echo 'check: format'; $(BIN)/ruff format --check --quiet .
	@echo 'check: lint'; $(BIN)/ruff check --quiet .
	@echo 'check: types'; $(BIN)/mypy --no-error-summary
	@echo 'check: import rules, repository, documentation'; $(BIN)/python -m pytest -q tests/architecture

.PHONY: format
format: $(READY) ## Format and mend what can be mended by itself
	@$(BIN)/ruff check --quiet --fix-only . ; $(BIN)/ruff format --quiet .

.PHONY: bench
bench: $(READY) ## Measure the engine and the whole pipeline; results in bench/results/ (FULL=1: the long form)
	@$(BIN)/python -m bench $(if $(FULL),--full)

.PHONY: bench-peers
bench-peers: $(READY) ## Measure the engine beside Restate, DBOS and Procrastinate (installs them into .peers/)
	@$(BIN)/python -m bench.peers

.PHONY: docs
docs: $(READY) ## Write the generated pages of docs/ anew
	@$(BIN)/python tools/docs.py

.PHONY: lock
lock: $(READY) ## Pin the packages of pyproject.toml (UPGRADE=1: newest versions)
	@tools/lock $(if $(UPGRADE),--upgrade)

.PHONY: clean
clean: ## Remove what the other targets made
	@rm -rf .venv .demo .peers dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './node_modules/*' -prune -exec rm -rf {} +
