# make demo   install into .venv and run the main job on the embedded digits and photographs
# make test   install into .venv and run every check
# make bench  k-means beside scikit-learn and others
# make prints the README's pictures of what becomes of photographs
# make docs   the API reference, from the docstrings, into docs/

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# The environment's own pip is not needed: a Python without ensurepip will do.
PIP := $(PYTHON) -m pip --python $(PY) --disable-pip-version-check install --quiet

.PHONY: demo test lint types tests wheel bench prints docs clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	@$(PY) -m clusterart_jax run digits --out runs/demo --art china flower --resume
	@echo "Open runs/demo/report.html in a browser."

# What keeps one core busy runs beside its like, before the tests, which take all cores.
test: $(VENV)/.installed-test
	@$(MAKE) --no-print-directory --jobs=2 lint types docs wheel
	@$(MAKE) --no-print-directory tests
	@echo "All checks passed."

lint: $(VENV)/.installed-test
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(VENV)/.installed-test
	$(PY) -m mypy

tests: $(VENV)/.installed-test
	$(PY) -m pytest -n auto --maxprocesses 4 --dist worksteal

# The wheel must hold all that it needs, so it is tried where nothing else is.
wheel: $(VENV)/.installed-test
	rm -rf dist .venv-wheel
	$(PY) -m build --wheel
	$(PYTHON) -m venv --without-pip .venv-wheel
	$(PYTHON) -m pip --python .venv-wheel/bin/python --disable-pip-version-check install --quiet --no-compile dist/*.whl
	cd dist && ../.venv-wheel/bin/python -I -c "import clusterart_jax as ca; print('wheel imports', ca.__version__, ca.__file__)"
	cd dist && ../.venv-wheel/bin/clusterart run --out wheel-run --limit 100 -k 3 --steps 20 --n-samples 30 --quiet
	rm -rf .venv-wheel

bench: $(VENV)/.installed-bench
	@mkdir -p runs
	$(PY) -m benchmarks --out runs/bench.json

prints: $(VENV)/.installed-pretrained
	$(PY) -m clusterart_jax render stipple flower --points 12000 --pixels 560 --out notebooks/stipple.png
	$(PY) -m clusterart_jax render lowpoly flower --points 1500 --pixels 560 --out notebooks/lowpoly.png
	$(PY) -m clusterart_jax render posterize flower --colors 8 --pixels 560 --out notebooks/posterize.png
	$(PY) -m clusterart_jax render stitch flower --columns 60 --pixels 560 --out notebooks/stitch.png
	$(PY) -m clusterart_jax render numbers china --colors 20 --pixels 560 --out notebooks/numbers.png
	$(PY) -m clusterart_jax render mosaic china --tiles digits --columns 64 --tile 8 --tint 0.9 --out notebooks/mosaic.png
	$(PY) -m clusterart_jax segment china -k 16 --method agglomerative --as mean --size 560 --out notebooks/segments.png
	$(PY) -m clusterart_jax styles apply china --from flower --size 560 --out notebooks/styled.jpg
	$(PY) -m clusterart_jax palette flower -k 8 --size 480 --out notebooks/palette.png

docs: $(VENV)/.installed-test
	$(PY) -m pdoc --docformat google --output-directory docs clusterart_jax \
		$(addprefix clusterart_jax.,cli cluster condition data features generate job pipeline report)
	@echo "Open docs/index.html in a browser."

clean:
	rm -rf $(VENV) .venv-wheel build dist docs .mypy_cache .pytest_cache .ruff_cache

$(PY):
	@$(PYTHON) -c "import sys; sys.exit(0 if sys.version_info >= (3, 11) else 'clusterart_jax needs Python 3.11 or newer; say which with: make PYTHON=python3.12')"
	$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.installed: pyproject.toml | $(PY)
	$(PIP) -e .
	@touch $@

$(VENV)/.installed-%: pyproject.toml | $(PY)
	$(PIP) -e ".[$*]"
	@touch $@ $(VENV)/.installed
