# One word for each thing one does with qrun; CMake and the scripts do the work.
# Where apt is not at hand, install the packages by other means and say `make SETUP=: test`.
SETUP ?= scripts/setup.sh
PYTHON ?= /usr/bin/python3
JOBS ?= $(shell nproc)
SECONDS ?= 600

.DEFAULT_GOAL := build
.PHONY: setup build run test bench gpu-check fuzz thread-check memcheck format lint bundle clean

setup:
	@$(SETUP)

build: setup
	@cmake --preset release >/dev/null
	@cmake --build --preset release --parallel $(JOBS)

run: build
	@PYTHON=$(PYTHON) scripts/run_lenet.sh

test: build
	@ctest --test-dir build --output-on-failure --parallel $(JOBS) --label-exclude slurm

bench: build
	@$(PYTHON) scripts/bench.py

gpu-check: build
	@$(PYTHON) scripts/gpu_check.py

fuzz: build
	@$(SETUP) sanitize
	@JOBS=$(JOBS) scripts/fuzz.sh $(SECONDS)

thread-check: setup
	@$(SETUP) sanitize
	@cmake --preset thread >/dev/null
	@cmake --build --preset thread --parallel $(JOBS)
	@ctest --preset thread --parallel $(JOBS)

memcheck: build
	@$(SETUP) memcheck
	@scripts/memcheck.sh

format: setup
	@$(SETUP) lint
	@scripts/lint.sh format

lint: build
	@$(SETUP) lint
	@scripts/lint.sh

bundle: build
	@scripts/bundle.sh

clean:
	@rm -rf build build-debug build-sanitize build-thread bundle
