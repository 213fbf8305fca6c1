# Two commands do everything: `make repro` trains and reports, `make test` tests. Needs git, make, Python 3.11+.
PYTHON ?= python3
BIN := .venv/bin
UV_VERSION = $(shell sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements.lock)
# DVC runs `python`; it must be the one of the environment.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: repro test test-all bench reference lint lock browser clean

repro: .venv/installed
# DVC refuses a folder without git unless it is told so.
	@if git rev-parse --git-dir >/dev/null 2>&1; then \
		if grep -qs no_scm .dvc/config.local; then dvc config --local --unset core.no_scm; fi; \
	else \
		echo "== no git repository: this works, \`dvc exp run\` does not before: git init && git add . && git commit -m code"; \
		dvc config --local core.no_scm true; \
	fi
	@echo "== dvc repro: prepare, preflight, train, report, track"
	dvc repro
	@echo
	@python -m harness result

test: .venv/installed browser
	@echo "== pytest, a process per core"
	python -m pytest -n auto --dist loadfile --no-loadscope-reorder

# With the tests that take minutes each.
test-all: .venv/installed browser
	python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m ""

# The control beside a plain PyTorch loop on the same pictures, without augmentation and with.
bench: .venv/installed
	dvc repro prepare
	python benchmarks/plain.py
	python benchmarks/plain.py --set augmentation=flip_crop

# All studies at profile standard on the pictures in data/raw/<class>/ or data/raw/{train,test}/<class>/: CIFAR-10's.
reference: .venv/installed
	dvc exp run -S profile=standard -S data.source=image_folder -S train.adaptive=true -S train.most_seeds=5
	python -m harness reference docs/reference/cifar10-standard --title "CIFAR-10 (standard)"

lint: .venv/installed
	ruff check .
	ruff format --check .
	mypy
	lint-imports

# Once per requirements.lock: the second call installs nothing.
.venv/installed: requirements.lock
	@echo "== installing into .venv (about two minutes the first time)"
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" \
		|| { echo "error: $(PYTHON) is too old; call: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	@touch $@

# The tests of the pages need Chromium: Debian's where this may install it, else one in the user's cache.
browser: .venv/installed
	@if command -v chromium chromium-browser google-chrome >/dev/null; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo "== installing chromium"; apt-get update -qq && apt-get install -y -qq chromium >/dev/null; \
	else echo "== installing chromium for playwright"; playwright install chromium; fi

# Resolve every dependency anew, for all platforms and Pythons, with hashes.
lock: .venv/installed
	uv pip compile pyproject.toml --extra dev --extra ray --universal --generate-hashes --python-version 3.11 \
		--no-emit-index-url --no-header --upgrade --quiet --output-file requirements.lock

clean:
	rm -rf .venv data/prepared data/runs data/plan.json data/tracking.json data/surfaces.json data/preflight.json data/pictures.json reports mlflow.db mlruns
