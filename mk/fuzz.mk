# SPDX-License-Identifier: Apache-2.0
# Fuzzing of everything that parses a stranger's file. `make fuzz`: libFuzzer (clang), FUZZ_SECONDS a target;
# `make fuzz-smoke`: the same targets under gcc, seeds and FUZZ_ROUNDS deterministic mutations of them.
FUZZ_SECONDS ?= 20
FUZZ_ROUNDS  ?= 20000
FUZZ_CC      ?= clang
FUZZ_NAMES   := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_LIB     := $(sort $(wildcard host/model/*.c host/util/*.c host/codec/*.c) host/device/xclbin.c host/board/frame.c)
FUZZ_FLAGS    = -std=c11 -D_GNU_SOURCE -O1 -g -fno-omit-frame-pointer -march=$(ARCH) -ffp-contract=off -fopenmp $(WARN) \
                -fsanitize=address,undefined -fno-sanitize-recover=all -Ihost/include -Ihost -Itests/fuzz \
                $(shell pkg-config --cflags json-c libpcre2-8)
FUZZ_LIBS     = $(shell pkg-config --libs json-c libpcre2-8) -lm

$(BUILD)/fuzz/clang/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@

$(BUILD)/fuzz/gcc/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(FUZZ_FLAGS) -MMD -MP -c $< -o $@

$(FUZZ_NAMES:%=$(BUILD)/fuzz/fuzz_%): $(BUILD)/fuzz/fuzz_%: $(BUILD)/fuzz/clang/tests/fuzz/fuzz_%.o $(FUZZ_LIB:%.c=$(BUILD)/fuzz/clang/%.o)
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer $^ $(FUZZ_LIBS) -o $@

$(FUZZ_NAMES:%=$(BUILD)/fuzz/smoke_%): $(BUILD)/fuzz/smoke_%: $(BUILD)/fuzz/gcc/tests/fuzz/fuzz_%.o \
		$(BUILD)/fuzz/gcc/tests/fuzz/driver.o $(FUZZ_LIB:%.c=$(BUILD)/fuzz/gcc/%.o)
	$(CC) $(FUZZ_FLAGS) $^ $(FUZZ_LIBS) -o $@

.PHONY: fuzz fuzz-smoke
fuzz: $(FUZZ_NAMES:%=$(BUILD)/fuzz/fuzz_%) ## every parser by libFuzzer, FUZZ_SECONDS each
	@set -e; for n in $(FUZZ_NAMES); do mkdir -p $(BUILD)/fuzz/corpus/$$n; echo "== fuzz $$n"; \
	  $(BUILD)/fuzz/fuzz_$$n -max_total_time=$(FUZZ_SECONDS) -timeout=20 -print_final_stats=1 -verbosity=0 \
	    -artifact_prefix=$(BUILD)/fuzz/ $(BUILD)/fuzz/corpus/$$n tests/fuzz/seeds/$$n; done

fuzz-smoke: $(FUZZ_NAMES:%=$(BUILD)/fuzz/smoke_%) ## every parser on FUZZ_ROUNDS mutations, the same each time
	@set -e; for n in $(FUZZ_NAMES); do $(BUILD)/fuzz/smoke_$$n $(FUZZ_ROUNDS) tests/fuzz/seeds/$$n/*; done

.SECONDARY: $(FUZZ_LIB:%.c=$(BUILD)/fuzz/clang/%.o) $(FUZZ_LIB:%.c=$(BUILD)/fuzz/gcc/%.o)
-include $(wildcard $(BUILD)/fuzz/*/*/*/*.d)
