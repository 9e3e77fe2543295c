# SPDX-License-Identifier: Apache-2.0
# Seedbed's front door. `make help` lists the targets.
# Everything built goes to build/; the command-line program is build/seedbed.

CC     ?= gcc
ifeq ($(origin CC),default)
CC     := gcc
endif
CXX    ?= g++
ARCH   ?= native
BUILD  ?= build
OPT    ?= -O3
SAN    ?=

# V=1 shows the commands in full.
ifdef V
SAY     = :
else
Q       = @
SAY     = printf '  %-4s %s\n'
endif

WARN    = -Wall -Wextra -Werror
# No contraction and no fast-math: the vector operations have one result whatever the compiler (docs/numerics.md, section 5).
# -fno-trapping-math changes no value: exceptions are not looked at, and comparisons may become selections.
PKG_CFLAGS := $(shell pkg-config --cflags json-c libpcre2-8 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs json-c libpcre2-8 2>/dev/null)
CHECK_LIBS := $(shell pkg-config --libs check 2>/dev/null)
CFLAGS  = -std=c11 -D_GNU_SOURCE $(OPT) -g -march=$(ARCH) -ffp-contract=off -fno-math-errno -fno-trapping-math -fopenmp $(WARN) $(SAN) \
          -Ihost/include -Ihost -Isim/include $(PKG_CFLAGS)
LDFLAGS = -fopenmp $(SAN)
LDLIBS  = $(PKG_LIBS) $(CUDA_LINK) -lopenblas -ldl -lm -lpthread

LIB_SRC   := $(filter-out host/cli/%,$(sort $(wildcard host/*/*.c)))
CLI_SRC   := $(sort $(wildcard host/cli/*.c))
UNIT_SRC  := $(sort $(wildcard tests/unit/test_*.c))
BENCH_SRC := $(sort $(wildcard tests/bench/bench_*.c))
LIB_OBJ   := $(LIB_SRC:%.c=$(BUILD)/obj/%.o)
CLI_OBJ   := $(CLI_SRC:%.c=$(BUILD)/obj/%.o)
UNIT_BIN  := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/tests/%)
BENCH_BIN := $(BENCH_SRC:tests/bench/%.c=$(BUILD)/bench/%)

.DEFAULT_GOAL := help

.PHONY: help demo test deps
help: ## list the targets
	@echo "Seedbed: transformer inference in which weights grow from seeds."
	@echo
	@grep -hE '^[a-z][a-z0-9-]*:.* ## ' Makefile mk/*.mk | sed -E 's/:.* ## /\t/' | awk -F'\t' '{printf "  make %-18s %s\n", $$1, $$2}'

demo: ## compress the shipped model and run it on the CPU and on the simulated core
	@mk/deps.sh demo
	@+$(MAKE) --no-print-directory demo-run

test: ## everything: unit, sanitizers, fuzz, RTL benches, lint, proofs, end to end
	@mk/deps.sh test
	@+MAKE="$(MAKE)" BUILD="$(BUILD)" tests/run.sh $(TEST_FIRST) , $(TEST_STAGES) + $(TEST_BESIDE) , $(TEST_LAST)

deps: ## install the Debian packages that demo and test need
	@mk/deps.sh test

# First what the others link, then two lists side by side (they build in different places), then what looks at both.
TEST_FIRST  := all unit sim-all
TEST_STAGES := sim-test attention-test vector-test lists-test lint faults xrt-test xilinx-test parity
TEST_BESIDE := asan clang golden-check fuzz-smoke formal-quick board-test
TEST_LAST   := e2e

.PHONY: formal-quick all demo-run asan clang sim-all e2e faults
all: $(BUILD)/seedbed ## the program, build/seedbed

demo-run: $(BUILD)/seedbed $(BUILD)/sim/w512/libseedbed_sim.so
	@BUILD="$(BUILD)" tests/e2e/demo.sh

asan: ## unit tests and the program under AddressSanitizer and UBSan
	+$(MAKE) SAN=-fsanitize=address,undefined OPT=-O1 BUILD=$(BUILD)/asan NVCC=none all unit

clang: ## the program and the unit tests built by clang
	+$(MAKE) CC=clang BUILD=$(BUILD)/clang NVCC=none all unit

sim-all: $(foreach v,w512 w64 w64a w64av,$(BUILD)/sim/$(v)/libseedbed_sim.so) ## the simulators that the tests use

e2e: $(BUILD)/seedbed sim-all ## the main job and bad input, through the program
	BUILD=$(BUILD) python3 tests/e2e/test_main_job.py
	BUILD=$(BUILD) python3 tests/e2e/test_lora.py
	BUILD=$(BUILD) python3 tests/e2e/test_bad_input.py
	BUILD=$(BUILD) python3 tests/e2e/test_devices.py

formal-quick:
	@+$(MAKE) --no-print-directory formal QUICK=1

faults: $(BUILD)/seedbed ## faults planted in the RTL are seen by verify
	BUILD=$(BUILD) python3 tests/e2e/test_faults.py

include $(sort $(wildcard mk/*.mk))

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@$(SAY) CC $<
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/libseedbed.a: $(LIB_OBJ)
	@rm -f $@
	@$(SAY) AR $@
	$(Q)ar rcs $@ $(LIB_OBJ)

$(BUILD)/seedbed: $(CLI_OBJ) $(BUILD)/libseedbed.a
	@$(SAY) LD $@
	$(Q)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(BUILD)/tests/%: tests/unit/%.c $(BUILD)/libseedbed.a
	@mkdir -p $(@D)
	@$(SAY) LD $@
	$(Q)$(CC) $(CFLAGS) -MMD -MP -MF $@.d $< $(BUILD)/libseedbed.a $(LDFLAGS) $(LDLIBS) $(CHECK_LIBS) -o $@

$(BUILD)/bench/bench_%: tests/bench/bench_%.c $(BUILD)/libseedbed.a
	@mkdir -p $(@D)
	@$(SAY) LD $@
	$(Q)$(CC) $(CFLAGS) -MMD -MP -MF $@.d $< $(BUILD)/libseedbed.a $(LDFLAGS) $(LDLIBS) -o $@

.PHONY: unit
unit: $(UNIT_BIN) ## C unit tests
	@set -e; for t in $(UNIT_BIN); do echo "== $$t"; $$t; done

C_FILES := $(shell git ls-files '*.c' '*.h' '*.cpp' 2>/dev/null)
.PHONY: format format-check
format: ## clang-format every C file in place
	clang-format -i $(C_FILES)
format-check: ## whether `make format` would change a file
	clang-format --dry-run -Werror $(C_FILES)

.PHONY: clean
clean: ## remove build/
	rm -rf $(BUILD)

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(UNIT_BIN:=.d) $(BENCH_BIN:=.d)
