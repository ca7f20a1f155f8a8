# The two commands of the README do all set-up with Python (3.11 or newer) only.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= guide

.PHONY: bench compare test check size constraints validation

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

compare: $(VENV)/.installed  ## write the tacrolimus-ciclosporin-sirolimus guide and say where it is
	$(BIN)/limus compare tacrolimus ciclosporin sirolimus --out $(OUT) --overwrite

test: $(VENV)/.installed-dev  ## style, types, layers and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --numprocesses auto

bench: $(VENV)/.installed-dev  ## the engine against its peers; writes benchmarks/engine/RESULTS.md
	$(BIN)/python benchmarks/engine/run.py

validation: $(VENV)/.installed-dev  ## the slow proof; writes validation/MATRIX.md
	$(BIN)/python validation/run.py

size: $(VENV)/.installed  ## what a plain installation takes on disk
	@$(BIN)/python -c "import pathlib, sysconfig; p = pathlib.Path(sysconfig.get_path('purelib')); print(f'{sum(f.stat().st_size for f in p.rglob(\"*\") if f.is_file()) / 1e6:.0f} MB')"

constraints: $(VENV)/.installed-dev  ## freeze the versions that were tested
	$(BIN)/pip-compile --quiet --all-extras --strip-extras --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file constraints.txt pyproject.toml
	@$(PYTHON) -c "import pathlib, re; p = pathlib.Path('constraints.txt'); p.write_text(''.join(l for l in p.read_text().splitlines(True) if l.strip() and l[0] != '#' and '://' not in l and not re.match(r'(-e|limus\b)', l)))"
