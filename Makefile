# MailMagnet's two doors, `make demo` and `make test`, and what is behind them.

PYTHON ?= python3
BIN := .venv/bin

# Two workers, each with a browser and a demo of its own; a file's tests stay together, and the longest files, the browser's, come first.
WORKERS := -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help demo test check servers test-servers test-mail test-zoho bench pictures costs lock card-format

help:
	@echo "make demo             the whole product in your browser, on generated mail"
	@echo "make demo MBOX=path   the same on your own mail (any .mbox, Maildir or .eml); with CONTACTS=50 contacts for its most frequent"
	@echo "                      senders, ME=address when you have another there, FOLDER=path to keep it apart, FRESH=1 to begin anew"
	@echo "                      SETUP=already begins with all set up, SETUP=yourself as a new user does; asks if not given"
	@echo "make demo CRM=zoho    the same on another CRM: salesforce, hubspot, zoho, pipedrive (stand-ins), odoo, tryton (real servers)"
	@echo "make test             every test: installs what it needs first"
	@echo "make test-mail MBOX=path   open every mail of a mailbox through the add-on, then sort it"
	@echo "make test-servers     the CRM clients on real servers, installed below .servers (1.5 GB)"
	@echo "make test-zoho OPENAPI=path  Zoho's stand-in against Zoho's own OpenAPI files (repository zoho/crm-oas, v8.0)"
	@echo "make bench            how fast it is, measured here; also written to bench.json"

# exec: a signal that ends make is to reach Python, not a shell in between.
demo: .venv/installed
	@exec $(BIN)/python -m sandbox.demo $(if $(MBOX),--mbox "$(MBOX)") $(foreach address,$(ME),--me "$(address)") \
	    $(if $(CONTACTS),--contacts "$(CONTACTS)") $(if $(FOLDER),--folder "$(FOLDER)") $(if $(SETUP),--setup "$(SETUP)") \
	    $(if $(CRM),--crm "$(CRM)") \
	    $(if $(FRESH),--fresh)

test: .venv/installed
	@echo "== What the tests need of this machine"
	@sh tests/machine.sh
	@$(MAKE) --no-print-directory check
	@echo "== Tests: unit, contract, scenario, browser"
	@$(BIN)/python -m pytest $(WORKERS)

# Below .servers, which can be deleted: PostgreSQL, Odoo and Tryton, on ports of their own, stopped at the end.
servers:
	@echo "== Real CRM servers"
	@sh sandbox/crms/odoo/odoo.sh install
	@sh sandbox/crms/tryton/tryton.sh install

test-servers: .venv/installed servers
	@$(BIN)/python -m pytest tests/servers -s

check: .venv/installed tests/page/node_modules/.package-lock.json
	@echo "== Format, lint, types and dependencies"
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/deptry --no-ansi .
	@$(BIN)/hadolint deployment/one_machine/Dockerfile
	@echo "== Types and lint of the page"
	@tests/page/node_modules/.bin/tsc --project tests/page
	@tests/page/node_modules/.bin/eslint --config tests/page/eslint.config.js --max-warnings 0 sandbox/desk/page

test-mail: .venv/installed
	@test -n "$(MBOX)" || { echo "Say which mail: make test-mail MBOX=path"; exit 2; }
	@$(BIN)/python -m tests.every_mail "$(MBOX)"

# Zoho's description has no licence, so there is no copy of it here.
test-zoho: .venv/installed
	@test -n "$(OPENAPI)" || { echo "Say where Zoho's OpenAPI files are: make test-zoho OPENAPI=path"; exit 2; }
	@$(BIN)/python -m tests.zoho_openapi "$(OPENAPI)"

bench: .venv/installed
	@echo "== What the bench needs of this machine"
	@sh tests/machine.sh browser
	@$(MAKE) --no-print-directory servers
	@$(BIN)/python -m tests.bench

costs: .venv/installed
	@$(BIN)/python -m tests.costs
	@echo
	@$(BIN)/python -m tests.crm_costs

# Each file by itself, so that no other test's mail or labels are in its pictures.
pictures: .venv/installed
	@sh tests/machine.sh browser
	@for file in $$(grep -lE -e 'picture: Picture|keep_picture|--pictures' tests/browser/test_*.py); do $(BIN)/python -m pytest $$file --pictures || exit 1; done

# After google-api-python-client has a newer description of cards; a test says when.
card-format: .venv/installed
	@$(BIN)/python -m sandbox.cards.make_card_format

# Both lock files hold hashes and no address; run this after changing the dependencies in pyproject.toml.
lock: .venv/installed
	@$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --quiet -o requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-header --quiet -c requirements.lock -o requirements-dev.lock

# The last file that npm writes. The lock file holds hashes and no address.
tests/page/node_modules/.package-lock.json: tests/page/package-lock.json
	@command -v npm >/dev/null || { echo "The page's check needs Node and npm. On Debian and Ubuntu: sudo apt-get install nodejs npm"; exit 1; }
	@echo "== Installing what checks the page (once)"
	@npm ci --prefix tests/page --no-audit --no-fund --silent
	@touch $@

.venv/installed: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "MailMagnet needs Python 3.11 or newer: make PYTHON=python3.12 demo"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is missing. On Debian and Ubuntu: sudo apt-get install python3-venv"; exit 1; }
	@echo "== Installing the Python packages into .venv (once, about a minute)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@PYTHONWARNINGS='ignore:Editable installation' $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch .venv/installed
