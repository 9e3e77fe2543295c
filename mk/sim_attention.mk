# SPDX-License-Identifier: Apache-2.0
# The attention engine: module bench and measurements.
#   make attention-test            random jobs and stalls against attention_exact.c, three builds of the engine
#   make bench-attention           cycles and area -> build/bench/attention.json

ATTN_SRC := $(addprefix $(RTL_DIR)/attn/,attn_table.sv attn_lane.sv attn_mac.sv attn_score.sv attn_prob.sv attn_row.sv attn_engine.sv)
ATTN_BLD := $(BUILD)/attention

# $(1) T, $(2) Modes, $(3) Keys
define ATTN_VARIANT
$(ATTN_BLD)/t$(1)m$(2)k$(3)/bench: $(ATTN_SRC) tests/rtl/attn_shim.cpp tests/rtl/attn_shim.h tests/rtl/bench_attention.c \
  tests/unit/attention_case.h $(BUILD)/libseedbed.a mk/sim_attention.mk
	@mkdir -p $$(@D)
	$(VERILATOR) --cc -O3 --x-assign fast --x-initial unique --noassert -Wall $(RTL_VLT) --top attn_engine -GT=$(1) -GModes=$(2) \
	  -GKeys=$(3) --Mdir $$(@D)/obj $(ATTN_SRC)
	$$(MAKE) --no-print-directory -C $$(@D)/obj -f Vattn_engine.mk Vattn_engine__ALL.a OPT_FAST="$(SIM_OPT)" OPT_SLOW="-O1" \
	  OPT_GLOBAL="-O2" CXX="$(CXX)" >/dev/null
	$$(SIM_CXX) -I$$(@D)/obj -Itests/rtl -c tests/rtl/attn_shim.cpp -o $$(@D)/shim.o
	$$(SIM_CXX) -c $(VERILATOR_INC)/verilated.cpp -o $$(@D)/verilated.o
	$$(SIM_CXX) -c $(VERILATOR_INC)/verilated_threads.cpp -o $$(@D)/threads.o
	$(CC) $$(CFLAGS) -DATTN_T=$(1) -DATTN_MODES=$(2) -DATTN_KEYS=$(3) -c tests/rtl/bench_attention.c -o $$(@D)/bench.o
	$(CXX) -o $$@ $$(@D)/bench.o $$(@D)/shim.o $$(@D)/verilated.o $$(@D)/threads.o $$(@D)/obj/Vattn_engine__ALL.a \
	  $(BUILD)/libseedbed.a $(LDFLAGS) $$(LDLIBS) -latomic
endef
$(eval $(call ATTN_VARIANT,2,3,2048))
$(eval $(call ATTN_VARIANT,4,1,16384))
$(eval $(call ATTN_VARIANT,4,2,16384))
$(eval $(call ATTN_VARIANT,3,1,2048))
$(eval $(call ATTN_VARIANT,1,2,2048))

.PHONY: attention-test
attention-test: $(ATTN_BLD)/t2m3k2048/bench $(ATTN_BLD)/t3m1k2048/bench $(ATTN_BLD)/t1m2k2048/bench ## the attention engine against its definition
	$(ATTN_BLD)/t2m3k2048/bench 300
	$(ATTN_BLD)/t3m1k2048/bench 150
	$(ATTN_BLD)/t1m2k2048/bench 150

# Area of one engine by Yosys (xc7), $(1) T, $(2) Modes, $(3) Keys
define ATTN_AREA
$(ATTN_BLD)/t$(1)m$(2)k$(3)/area.txt: $(ATTN_SRC) mk/sim_attention.mk
	@mkdir -p $$(@D)
	yosys -q -p "read_verilog -sv $(ATTN_SRC); chparam -set T $(1) -set Modes $(2) -set Keys $(3) attn_engine; \
	  synth_xilinx -family xc7 -top attn_engine -noiopad -noclkbuf; tee -o $$@.tmp stat" > $$(@D)/area.log 2>&1
	mv $$@.tmp $$@
endef
$(eval $(call ATTN_AREA,4,1,16384))
$(eval $(call ATTN_AREA,4,2,16384))
$(eval $(call ATTN_AREA,4,3,16384))

$(ATTN_BLD)/%/measure.txt: $(ATTN_BLD)/%/bench
	$< --measure > $@.tmp
	mv $@.tmp $@

.PHONY: bench-attention
bench-attention: $(foreach m,1 2,$(ATTN_BLD)/t4m$(m)k16384/measure.txt $(ATTN_BLD)/t4m$(m)k16384/area.txt)
	@mkdir -p $(BUILD)/bench
	python3 mk/attention_report.py $(BUILD)/bench/attention.json \
	  $(foreach m,1 2,$(ATTN_BLD)/t4m$(m)k16384/area.txt=$(ATTN_BLD)/t4m$(m)k16384/measure.txt)
