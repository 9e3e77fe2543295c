# SPDX-License-Identifier: Apache-2.0
# Random and mutated command lists into the core with both units.
#   make lists-test [SEED=1]       a few hundred; what `make test` runs
#   make lists-long [SEED=1]       10000, and some on other builds of the core
#   make lists-faults              faults planted in the RTL are seen
#   make lists-gate [SEED=1]       the units' clocks stopped or not: the same results and the same cycles

SEED      ?= 1
LISTS_SRC := $(addprefix tests/rtl/,fuzz_lists.c list_judge.c list_gen.c list_model.c core_bench.c) tests/parity/cases.c
FUZZ_LISTS := $(TB_DIR)/fuzz_lists
$(FUZZ_LISTS): $(LISTS_SRC) $(addprefix tests/rtl/,list_judge.h list_gen.h list_model.h core_bench.h model.h) tests/parity/cases.h \
  tests/unit/attention_case.h sim/include/seedbed_sim.h $(BUILD)/libseedbed.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Itests/rtl $(LISTS_SRC) $(BUILD)/libseedbed.a $(LDFLAGS) $(LDLIBS) -o $@

.PHONY: lists-test lists-long lists-faults
lists-test: $(FUZZ_LISTS) $(SIM_DIR)/w64av/libseedbed_sim.so ## random and mutated command lists into the core with both units
	$(FUZZ_LISTS) $(SIM_DIR)/w64av/libseedbed_sim.so --lists 300 --seed $(SEED)

lists-long: $(FUZZ_LISTS) $(SIM_DIR)/w64av/libseedbed_sim.so
	$(FUZZ_LISTS) $(SIM_DIR)/w64av/libseedbed_sim.so --lists 10000 --seed $(SEED)

# Clock gates or none: the last line of fuzz_lists counts results and cycles, both must be the same. The build without takes a minute.
$(BUILD)/ungated/rtl/planted: $(wildcard hw/rtl/*/*.sv) hw/rtl/waivers.vlt
	@rm -rf $(@D) && mkdir -p $(@D) && cp -r hw/rtl/. $(@D)/
	@sed -i 's/if (Enable) begin/if (Enable \&\& 0 != 0) begin/' $(@D)/prim/clock_gate.sv
	@if cmp -s hw/rtl/prim/clock_gate.sv $(@D)/prim/clock_gate.sv; then echo "clock_gate.sv: its gate is not where it was" >&2; exit 1; fi
	@touch $@

.PHONY: lists-gate
lists-gate: $(BUILD)/ungated/rtl/planted $(FUZZ_LISTS) $(SIM_DIR)/w64av/libseedbed_sim.so ## the units' clocks stopped or not: the same results and the same cycles
	@$(MAKE) --no-print-directory sim RTL_DIR=$(<D) SIM_DIR=$(BUILD)/ungated/sim BUS=64 UNITS=av
	@set -e; for d in $(SIM_DIR) $(BUILD)/ungated/sim; do \
	  $(FUZZ_LISTS) $$d/w64av/libseedbed_sim.so --lists 1000 --seed $(SEED) >$$d/w64av/lists.log; tail -1 $$d/w64av/lists.log; done; \
	  cmp $(SIM_DIR)/w64av/lists.log $(BUILD)/ungated/sim/w64av/lists.log

# Faults planted in the RTL (tests/rtl/faults/lists, as in mk/sim.mk), in the smallest core that has what they are in: the second line of a
# recipe names its units. Compiled quickly, simulated slowly: most are seen within a few lists.
LISTS_FAULTS ?= $(basename $(notdir $(wildcard tests/rtl/faults/lists/*.sed)))
$(BUILD)/faults/lists-%/rtl/planted: tests/rtl/faults/lists/%.sed $(wildcard hw/rtl/*/*.sv) hw/rtl/waivers.vlt
	@rm -rf $(@D) && mkdir -p $(@D) && cp -r hw/rtl/. $(@D)/
	@f=$$(sed -n 's/^# file: //p' $<); sed -i -f $< $(@D)/$$f; \
	  if cmp -s hw/rtl/$$f $(@D)/$$f; then echo "$<: changes nothing in $$f" >&2; exit 1; fi
	@touch $@

lists-faults: $(LISTS_FAULTS:%=$(BUILD)/faults/lists-%/rtl/planted) $(FUZZ_LISTS) ## faults planted in the RTL are seen by fuzz_lists
	@set -e; for f in $(LISTS_FAULTS); do d=$(BUILD)/faults/lists-$$f; u=$$(sed -n 's/^# units: //p' tests/rtl/faults/lists/$$f.sed); \
	  $(MAKE) --no-print-directory sim RTL_DIR=$$d/rtl SIM_DIR=$$d/sim BUS=64 UNITS=$$u SIM_OPT=-O0 VERILATOR='$(VERILATOR) -Wno-fatal' \
	    >$$d/build.log 2>&1 || { cat $$d/build.log; exit 1; }; \
	  if $(FUZZ_LISTS) $$d/sim/w64$$u/libseedbed_sim.so --lists 600 >$$d/run.log 2>&1; then echo "fault $$f: NOT caught"; exit 1; fi; \
	  echo "fault $$f: caught: $$(grep -m1 '^fuzz_lists: \|^tests/rtl/' $$d/run.log)"; done
