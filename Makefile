# `make report` and `make test` set up all they need in .venv and do only what is left to do.

# The Python that .venv is made with, and the study to run (default: config.yaml).
PYTHON ?= python3
STUDY ?=
# More options for pytest, such as ARGS="-m slow".
ARGS ?=

BIN := .venv/bin
# The study's name is data: neither make nor the shell may take a part of it for something to run, so
# the recipes read it from the environment.
override STUDY := $(value STUDY)
export STUDY
SNAKEMAKE = $(BIN)/snakemake --cores all $${STUDY:+--configfile "$$STUDY"}

.DEFAULT_GOAL := help
.PHONY: help install report test test-studies test-slurm test-gpu lint constraints clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 14

install: .venv/.installed ## make .venv with pinned versions of all packages

.venv/.installed: pyproject.toml constraints.txt $(wildcard setup.py hmmlens/hmm/engine/kernel/estep.cpp)
	@case "`pwd`" in *[[:space:]\"\'\$$\`\\\;\&\|\<\>\(\)\*\?\[\]\{\}!]*) printf '%s\n' "This folder is `pwd`, and Snakemake cannot run jobs below a path with blanks or marks of the shell; move it to a path of letters, digits, dots and dashes" >&2; exit 1;; esac
	@command -v "$(PYTHON)" >/dev/null || { echo "There is no $(PYTHON) here; install Python 3.11 or newer, or name one: make $(or $(MAKECMDGOALS),install) PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "hmmlens needs Python 3.11 or newer, and $(PYTHON) is `"$(PYTHON)" -V 2>&1`; name a newer one: make $(or $(MAKECMDGOALS),install) PYTHON=/path/to/python" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -c 'import ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments because its ensurepip module is missing; on Debian and Ubuntu install it with: apt install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear .venv
	$(BIN)/python -m pip install --disable-pip-version-check -e ".[dev]" -c constraints.txt
	@touch $@

report: install ## run the study and write its report (STUDY=workflow/studies/NAME.yaml for another)
	@results=`$(BIN)/python -m hmmlens.study.results_folder "$${STUDY:-config.yaml}"` && $(SNAKEMAKE) && \
	{ [ "$$results/run.html" -nt "$$results/report.pdf" ] || $(SNAKEMAKE) --report "$$results/run.html"; } && \
	printf '\nThe report:       %s\nHow it was made:  %s\n' "$$results/report.pdf" "$$results/run.html"

# One thread for each of the two workers, as in a job of one core.
test: install ## run the quick tests, in 6 to 8 minutes (ARGS="-m slow" for the slow ones)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

test-studies: install ## run the tests that run whole studies, and other long ones
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "study and not slow" $(ARGS)

# Root on Debian: it installs SLURM there, and stops what it started.
test-slurm: .venv-slurm/.installed ## run a study on a SLURM of its own, and break it (Debian, root)
	OMP_NUM_THREADS=1 .venv-slurm/bin/python -m pytest tests/slurm -m slurm $(ARGS)

# Beside .venv, whose packages it sees: with the plugin in there, and SLURM's tools on the PATH, every
# local snakemake call would be slower.
.venv-slurm/.installed: .venv/.installed
	$(BIN)/python -m venv --clear .venv-slurm
	@.venv-slurm/bin/python -c 'import sysconfig; p = sysconfig.get_paths()["purelib"]; open(p + "/venv.pth", "w").write("import site; site.addsitedir(\"" + p.replace(".venv-slurm", ".venv") + "\")\n")'
	.venv-slurm/bin/python -m pip install --disable-pip-version-check snakemake-executor-plugin-slurm -c constraints.txt
	@touch $@

test-gpu: install ## check that the GPU here gives what the CPU gives, and time its E-step
	$(BIN)/python -m pytest tests/test_gpu.py -m gpu $(ARGS)
	$(BIN)/python benchmarks/hmm_engine.py --gpu

lint: install ## check style, types, imports, docstrings, dead code and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@echo numpydoc lint hmmlens
	@$(BIN)/numpydoc lint $(shell find hmmlens -name '*.py')
	$(BIN)/vulture
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

constraints: ## renew constraints.txt with the newest versions that fit
	"$(PYTHON)" -m venv --clear build/newest
	build/newest/bin/python -m pip install -e ".[dev,slurm]"
	@sed -n '1p' constraints.txt > build/constraints.txt
	@build/newest/bin/python -m pip freeze --all --exclude-editable | grep -v '^pip==' | sed 's/+.*//' >> build/constraints.txt
	mv build/constraints.txt constraints.txt

clean: ## delete the results of all studies
	rm -rf results/*/
