# ContentCenter. `make help` lists the commands. Everything installs into .venv; no root.
PYTHON ?= python3.11
PY := .venv/bin/python
FLASK := .venv/bin/flask --app wsgi
SOURCES := contentcenter ingest recommend distribute sandbox bench scripts tests wsgi.py

.PHONY: help demo dev test sure bench shell lock setup setup-dev clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: ## make .venv with what the product needs
	@$(PYTHON) scripts/setup_env.py runtime

setup-dev: ## make .venv with what checks and tests need too
	@$(PYTHON) scripts/setup_env.py dev

demo: setup ## run the whole product with sample content (DEMO_PORT=8000, twin on the next port)
	@exec $(PY) -m scripts.demo

dev: setup ## run the whole product on your own data in var/dev, without samples
	@exec $(PY) -m scripts.demo --data var/dev --no-samples

test: setup-dev ## every check and test
	@$(PY) -m scripts.check all

sure: setup-dev ## lint, types, architecture and fast tests
	@$(PY) -m scripts.check fast

bench: setup-dev ## measure against the named references and print the results
	@$(PY) -m bench

shell: setup ## Python with the application loaded
	@$(FLASK) shell

lock: setup-dev ## write requirements.lock and requirements-dev.lock anew
	@$(PY) -m scripts.make_locks

clean: ## remove what tests and tools left behind (not var, not .venv)
	@rm -rf .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage* htmlcov
