# make setup | run | test | check | scan | record. PORT moves `make run` to another port.

PORT ?= 5000
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	command -v $(p) >/dev/null 2>&1 && $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))))
BIN := .venv/bin
FLASK := $(BIN)/flask --app wsgi
CATALOGUES := $(wildcard translations/*/LC_MESSAGES/messages.po)
KEYWORDS := -k _l -k lazy_gettext -k lazy_ngettext:1,2 -k lazy_pgettext:1c,2
EXTRACT := $(BIN)/pybabel -q extract -F babel.cfg $(KEYWORDS) --no-wrap --sort-output --no-location

.PHONY: setup run test check scan lint types translations translations-update record chromium

setup: .venv/.runtime $(CATALOGUES:.po=.mo)

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Trustivide needs Python 3.11 or newer."; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.runtime: requirements.txt | .venv/bin/python
	$(BIN)/pip install -q --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/.development: requirements-dev.txt requirements.txt | .venv/bin/python
	$(BIN)/pip install -q --disable-pip-version-check -r requirements-dev.txt
	@touch $@ .venv/.runtime

.venv-scan/.installed: requirements-scan.txt .venv/.development
	$(BIN)/python -m venv .venv-scan
	.venv-scan/bin/pip install -q --disable-pip-version-check -r requirements-scan.txt
	@touch $@

%.mo: %.po | .venv/.runtime
	$(BIN)/pybabel -q compile -i $< -o $@ -l $(notdir $(patsubst %/LC_MESSAGES/,%,$(dir $<)))

# Links in mail follow the port.
run: export PUBLIC_URL := $(or $(PUBLIC_URL),http://localhost:$(PORT))
run: setup
	@$(FLASK) db upgrade
	@$(FLASK) demo
	@echo "Trustivide: http://localhost:$(PORT)   mail: http://localhost:$(PORT)/dev/mail   stop: Ctrl-C"
	@$(BIN)/honcho start --no-prefix -p $(PORT)

test: .venv/.development $(CATALOGUES:.po=.mo) chromium
	$(BIN)/pytest -n 2

check: lint types translations test

# Scanners against a site of their own, with people of every role; SCAN=--quick for a look.
scan: .venv-scan/.installed setup
	$(BIN)/python -m scan $(SCAN)

lint: .venv/.development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@# Aside: bandit warns of each nosec that one of its rules at that place doesn't need.
	$(BIN)/bandit -q -c pyproject.toml -r trustivide 2>/dev/null

types: .venv/.development
	$(BIN)/mypy

# Swedish is the source; every catalogue must know every message, none of them fuzzy.
translations: .venv/.development
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(EXTRACT) -o "$$folder/messages.pot" . && \
	$(BIN)/pybabel -q update --check --ignore-pot-creation-date --no-fuzzy-matching --no-wrap \
		-i "$$folder/messages.pot" -d translations && \
	$(BIN)/python tests/untranslated.py

translations-update: .venv/.development
	$(EXTRACT) -o translations/messages.pot .
	@test -d translations/en || $(BIN)/pybabel -q init -l en --no-wrap \
		-i translations/messages.pot -d translations
	$(BIN)/pybabel -q update --ignore-pot-creation-date --no-fuzzy-matching --no-wrap \
		-i translations/messages.pot -d translations

# The record of processing as the tests know it; the difference is what a review reads.
record: setup
	@for language in sv en; do INSTANCE_PATH=$$(mktemp -d) $(FLASK) privacy record --json \
		--language $$language > tests/privacy/golden/record.$$language.json; done

chromium: .venv/.development
	@command -v chromium || command -v chromium-browser || command -v google-chrome || \
		$(BIN)/playwright install --with-deps chromium || \
		{ apt-get update -q && apt-get install -y -q chromium; }
