# SPDX-License-Identifier: Apache-2.0
# The vector unit: benches of its parts.
#   make vector-test               what `make test` runs

VECTOR_TBS := fp_add fp_add8 fp_mul fp_mul8 fp_from_int64 fp_from_int24 fp_to_int fp_recip

# A small format is checked in all its pairs.
$(eval $(call TB_RULE,fp_add,fp_add,,-DTB_EXP=8 -DTB_MAN=23 -ffp-contract=off))
$(eval $(call TB_RULE,fp_add8,fp_add,-GExpW=4 -GManW=3,-DTB_EXP=4 -DTB_MAN=3))
$(eval $(call TB_RULE,fp_mul,fp_mul,,-DTB_EXP=8 -DTB_MAN=23 -ffp-contract=off))
$(eval $(call TB_RULE,fp_mul8,fp_mul,-GExpW=4 -GManW=3,-DTB_EXP=4 -DTB_MAN=3))
$(eval $(call TB_RULE,fp_from_int64,fp_from_int,,-DTB_IN=64 -DTB_SCALE=0))
$(eval $(call TB_RULE,fp_from_int24,fp_from_int,-GInW=24 -GScale=24,-DTB_IN=24 -DTB_SCALE=24))
$(eval $(call TB_RULE,fp_to_int,fp_to_int,,))
$(eval $(call TB_RULE,fp_recip,fp_recip,,))
$(foreach t,$(VECTOR_TBS),$(eval $(TB_DIR)/$(t)/tb: tests/rtl/fp_ops.hpp))
$(TB_DIR)/fp_mul/tb $(TB_DIR)/fp_mul8/tb: tests/rtl/tb_fp_add.cpp

.PHONY: vector-test
vector-test: $(VECTOR_TBS:%=$(TB_DIR)/%/tb) $(BUILD)/vector/w64l2/bench $(BUILD)/vector/w512l16/bench ## the vector unit and its parts against the definition
	@set -e; for t in $(VECTOR_TBS); do $(TB_DIR)/$$t/tb; done
	$(BUILD)/vector/w64l2/bench 800
	$(BUILD)/vector/w512l16/bench 400

.PHONY: bench-vector
bench-vector: $(BUILD)/vector/w64l2/bench $(BUILD)/vector/w512l16/bench ## cycles of each vector operation, one flat JSON record a line
	@mkdir -p $(BUILD)/bench
	$(BUILD)/vector/w512l16/bench --measure > $(BUILD)/bench/vector.json
	$(BUILD)/vector/w64l2/bench --measure >> $(BUILD)/bench/vector.json

# --- planted faults (tests/rtl/faults/vector, as in mk/sim.mk; the second line names the bench) -------------------------------
VECTOR_FAULTS ?= $(basename $(notdir $(wildcard tests/rtl/faults/vector/*.sed)))
$(BUILD)/faults/vector-%/rtl/planted: tests/rtl/faults/vector/%.sed $(wildcard hw/rtl/*/*.sv) hw/rtl/waivers.vlt
	@rm -rf $(@D) && mkdir -p $(@D) && cp -r hw/rtl/. $(@D)/
	@f=$$(sed -n 's/^# file: //p' $<); sed -i -f $< $(@D)/$$f; \
	  if cmp -s hw/rtl/$$f $(@D)/$$f; then echo "$<: changes nothing in $$f" >&2; exit 1; fi
	@touch $@
.PHONY: vector-faults
vector-faults: $(VECTOR_FAULTS:%=$(BUILD)/faults/vector-%/rtl/planted) $(BUILD)/libseedbed.a ## faults planted in the vector unit are seen by its benches
	@set -e; for f in $(VECTOR_FAULTS); do d=$(BUILD)/faults/vector-$$f; \
	  b=$$(sed -n 's/^# bench: //p' tests/rtl/faults/vector/$$f.sed); \
	  if [ $$b = unit ]; then t=$$d/vector/w64l2/bench; else t=$$d/tb/$$b/tb; fi; \
	  $(MAKE) --no-print-directory RTL_DIR=$$d/rtl TB_DIR=$$d/tb VECTOR_BLD=$$d/vector VECTOR_WARN=-Wno-lint VECTOR_OPT=-O0 SIM_OPT=-O0 $$t >$$d/build.log 2>&1 || { cat $$d/build.log; exit 1; }; \
	  if $$t >$$d/run.log 2>&1; then echo "fault $$f: NOT caught"; exit 1; fi; \
	  echo "fault $$f: caught: $$(head -1 $$d/run.log)"; done

# --- lint and area -----------------------------------------------------------------------------------------------------------
VECTOR_TOPS := lzc vec_ahead fp_add fp_mul fp_from_int fp_to_int fp_recip vec_load vec_store vec_lane vec_reduce vec_pass vec_query vec_steps_norm vec_steps_map vec_steps_row vec_program vec_shape vec_place vec_scalar vec_check vector_unit
LINT_TOPS += $(VECTOR_TOPS)
LINT_VECTOR := "-GBusW=64 -GLanes=2" "-GBusW=256 -GLanes=4" "-GBusW=512 -GLanes=16" "-GBusW=1024 -GLanes=16"
lint: lint-vector
.PHONY: lint-vector
lint-vector:
	@set -e; for s in $(LINT_VECTOR); do $(VERILATOR) --lint-only -Wall $(RTL_VLT) --top vector_unit $$s $(VECTOR_SRC); done
	@set -e; for w in 64 512; do $(VERILATOR) --lint-only -Wall $(RTL_VLT) --top seedbed_core -GVector=1 -GBusW=$$w $(RTL_SRC); done
	@yosys -q -e 'implicitly declared|no driver|conflicting' -p "read_verilog -sv $(VECTOR_SRC); chparam -set BusW 64 -set Lanes 2 vector_unit; \
	  hierarchy -check -top vector_unit; proc; check -assert" 2>&1 | { grep -v 'Replacing memory' || true; }; test $${PIPESTATUS[0]} -eq 0
	@for w in 64 512; do iverilog -g2012 -t null -Wall -Wno-timescale -P vector_unit.BusW=$$w -P vector_unit.Lanes=2 -s vector_unit $(VECTOR_SRC) 2>&1 \
	  | { ! grep -v 'sorry: constant selects'; } || exit 1; done
	@echo "lint-vector: ok"
lint-vector: SHELL := /bin/bash

# --- the unit against the cpu device -----------------------------------------------------------------------------------------
VECTOR_SRC := $(addprefix $(RTL_DIR)/,core/seedbed_pkg.sv core/vector_pkg.sv prim/fifo.sv prim/delay.sv attn/attn_table.sv attn/attn_prob.sv) \
              $(sort $(wildcard $(RTL_DIR)/vector/*.sv))
VECTOR_BLD ?= $(BUILD)/vector
VECTOR_WARN ?= -Wall
# A fault is seen in a second: there the compiler is what takes time.
VECTOR_OPT ?= -O1

# $(1) bus, $(2) lanes
define VECTOR_VARIANT
$(VECTOR_BLD)/w$(1)l$(2)/bench: $(VECTOR_SRC) tests/rtl/vec_shim.cpp tests/rtl/vec_shim.h tests/rtl/bench_vector.c tests/rtl/model.h \
  $(BUILD)/libseedbed.a mk/vector.mk
	@mkdir -p $$(@D)
	$(VERILATOR) --cc -O3 --x-assign fast --x-initial unique --noassert $(VECTOR_WARN) $(RTL_VLT) --top vector_unit -GBusW=$(1) -GLanes=$(2) \
	  --Mdir $$(@D)/obj $(VECTOR_SRC)
	$$(MAKE) --no-print-directory -C $$(@D)/obj -f Vvector_unit.mk Vvector_unit__ALL.a OPT_FAST="$$(VECTOR_OPT)" OPT_SLOW="-O0" \
	  OPT_GLOBAL="$$(VECTOR_OPT)" CXX="$(CXX)" >/dev/null
	$$(SIM_CXX) -I$$(@D)/obj -Itests/rtl -DVEC_BUS=$(1) -c tests/rtl/vec_shim.cpp -o $$(@D)/shim.o
	$$(SIM_CXX) -c $(VERILATOR_INC)/verilated.cpp -o $$(@D)/verilated.o
	$$(SIM_CXX) -c $(VERILATOR_INC)/verilated_threads.cpp -o $$(@D)/threads.o
	$(CC) $$(CFLAGS) -Itests/rtl -DVEC_BUS=$(1) -DVEC_LANES=$(2) -c tests/rtl/bench_vector.c -o $$(@D)/bench.o
	$(CXX) -o $$@ $$(@D)/bench.o $$(@D)/shim.o $$(@D)/verilated.o $$(@D)/threads.o $$(@D)/obj/Vvector_unit__ALL.a \
	  $(BUILD)/libseedbed.a $(LDFLAGS) $$(LDLIBS) -latomic
endef
$(eval $(call VECTOR_VARIANT,64,2))
$(eval $(call VECTOR_VARIANT,256,8))
$(eval $(call VECTOR_VARIANT,512,16))
$(eval $(call VECTOR_VARIANT,1024,16))
