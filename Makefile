# Every target sets this checkout up first; what it does is in tools/setup.py.
PYTHON ?= python3

.PHONY: setup run test test-wire check bench web wheel soak
setup run test test-wire check bench web wheel soak:
	@$(PYTHON) tools/setup.py $@ $(ARGS)
