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
# No contraction and no fast-math: the host operations have one result whatever the compiler (docs/numerics.md, section 5).
CFLAGS  = -std=c11 -D_GNU_SOURCE $(OPT) -g -march=$(ARCH) -ffp-contract=off -fno-math-errno -fopenmp $(WARN) $(SAN) \
          -Ihost/include -Ihost -Isim/include $(shell pkg-config --cflags json-c libpcre2-8 2>/dev/null)
LDFLAGS = -fopenmp $(SAN)
LDLIBS  = $(shell pkg-config --libs json-c libpcre2-8 2>/dev/null) -lopenblas -ldl -lm -lpthread

LIB_SRC   := $(filter-out host/cli/%,$(sort $(wildcard host/*/*.c)))
CLI_SRC   := $(sort $(wildcard host/cli/*.c))
UNIT_SRC  := $(sort $(wildcard tests/unit/test_*.c))
BENCH_SRC := $(sort $(wildcard tests/bench/bench_*.c))
LIB_OBJ   := $(LIB_SRC:%.c=$(BUILD)/obj/%.o)
CLI_OBJ   := $(CLI_SRC:%.c=$(BUILD)/obj/%.o)
UNIT_BIN  := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/tests/%)
BENCH_BIN := $(BENCH_SRC:tests/bench/%.c=$(BUILD)/bench/%)

.PHONY: all
all: $(BUILD)/seedbed

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
	$(Q)$(CC) $(CFLAGS) -MMD -MP -MF $@.d $< $(BUILD)/libseedbed.a $(LDFLAGS) $(LDLIBS) $(shell pkg-config --libs check 2>/dev/null) -o $@

$(BUILD)/bench/bench_%: tests/bench/bench_%.c $(BUILD)/libseedbed.a
	@mkdir -p $(@D)
	@$(SAY) LD $@
	$(Q)$(CC) $(CFLAGS) -MMD -MP -MF $@.d $< $(BUILD)/libseedbed.a $(LDFLAGS) $(LDLIBS) -o $@

.PHONY: unit
unit: $(UNIT_BIN)
	@set -e; for t in $(UNIT_BIN); do echo "== $$t"; $$t; done

.PHONY: clean
clean:
	rm -rf $(BUILD)

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(UNIT_BIN:=.d) $(BENCH_BIN:=.d)
