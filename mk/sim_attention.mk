# SPDX-License-Identifier: Apache-2.0
# The attention engine and the unit around it: benches and measurements.
#   make attention-test            random jobs and stalls against attention_exact.c: two builds of the engine alone, and the unit
#                                  in the whole core (w64a, and a unit at each of two ports)
#   make attention-test-long       more of them, also in w256a and w512a, and at three and four ports
#   make attention-faults          faults planted in the unit are seen by its bench
#   make bench-attention           cycles of the unit in the core, area -> build/bench/attention.json

ATTN_SRC := $(addprefix $(RTL_DIR)/attn/,attn_table.sv attn_lane.sv attn_mac.sv attn_score.sv attn_prob.sv attn_row.sv attn_engine.sv)
ATTN_BLD := $(BUILD)/attention

# $(1) T (the builds of 4 are measured, the others only tested: those compile faster), $(2) Modes, $(3) Keys
define ATTN_VARIANT
$(ATTN_BLD)/t$(1)m$(2)k$(3)/bench: $(ATTN_SRC) tests/rtl/attn_shim.cpp tests/rtl/attn_shim.h tests/rtl/bench_attention.c \
  tests/unit/attention_case.h $(BUILD)/libseedbed.a mk/sim_attention.mk
	@mkdir -p $$(@D)
	$(VERILATOR) --cc -O3 --x-assign fast --x-initial unique --noassert -Wall $(RTL_VLT) --top attn_engine -GT=$(1) -GModes=$(2) \
	  -GKeys=$(3) --Mdir $$(@D)/obj $(ATTN_SRC)
	$$(MAKE) --no-print-directory -C $$(@D)/obj -f Vattn_engine.mk Vattn_engine__ALL.a OPT_FAST="$(if $(filter 4,$(1)),$(SIM_OPT),-O1)" OPT_SLOW="-O1" \
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

BENCH_ATTN_CORE := $(TB_DIR)/bench_attn_core
$(BENCH_ATTN_CORE): tests/rtl/bench_attn_core.c tests/rtl/core_bench.c tests/rtl/core_bench.h tests/rtl/model.h tests/unit/attention_case.h \
  sim/include/seedbed_sim.h $(BUILD)/libseedbed.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Itests/rtl tests/rtl/bench_attn_core.c tests/rtl/core_bench.c $(BUILD)/libseedbed.a $(LDFLAGS) $(LDLIBS) -o $@

# Units at several ports: their shares of the KV heads, and the joining. One query row, one codec, -O1: it builds quickly.
ATTN_PORTS = $(ATTN_BLD)/ports/w64p$(1)a/libseedbed_sim.so
$(ATTN_BLD)/ports%.built: $(RTL_SRC) $(RTL_VLT) $(SIM_SRC) hw/kernel.sh mk/sim.mk mk/sim_attention.mk
	@mkdir -p $(@D)
	$(MAKE) --no-print-directory sim SIM_DIR=$(ATTN_BLD)/ports BUS=64 PORTS=$* UNITS=a ATTN_ROWS=1 SIM_OPT=-O1 VERILATOR="$(VERILATOR) -GCodecs=4\'d2"
	@touch $@

.PHONY: attention-test attention-test-long
attention-test: $(ATTN_BLD)/t3m1k2048/bench $(ATTN_BLD)/t1m2k2048/bench $(BENCH_ATTN_CORE) $(SIM_DIR)/w64a/libseedbed_sim.so $(ATTN_BLD)/ports2.built $(BUILD)/seedbed ## the attention engine, and the unit in the core, against their definition
	$(ATTN_BLD)/t3m1k2048/bench 150
	$(ATTN_BLD)/t1m2k2048/bench 150
	$(BENCH_ATTN_CORE) $(SIM_DIR)/w64a/libseedbed_sim.so --cases 500
	$(BENCH_ATTN_CORE) $(call ATTN_PORTS,2) --cases 60
	$(BUILD)/seedbed verify models/tinystories-openelm --device sim:bus=64,ports=2,units=a,lib=$(call ATTN_PORTS,2) -n 2 --place all=host,attention_x=device

attention-test-long: $(ATTN_BLD)/t2m3k2048/bench $(BENCH_ATTN_CORE) $(foreach v,w64a w256a w512a,$(SIM_DIR)/$(v)/libseedbed_sim.so) \
  $(ATTN_BLD)/ports2.built $(ATTN_BLD)/ports3.built $(ATTN_BLD)/ports4.built
	$(ATTN_BLD)/t2m3k2048/bench 2000
	$(BENCH_ATTN_CORE) $(foreach v,w64a w256a w512a,$(SIM_DIR)/$(v)/libseedbed_sim.so) --cases 2000
	$(BENCH_ATTN_CORE) $(foreach p,2 3 4,$(call ATTN_PORTS,$(p))) --cases 500

# Faults planted in the unit (tests/rtl/faults/attention, as in mk/sim.mk): its bench must catch each of them. A recipe may name the
# ports of the core (`# ports: 2` in its second line).
ATTN_FAULTS_DIR := tests/rtl/faults/attention
ATTN_FAULTS ?= $(basename $(notdir $(wildcard $(ATTN_FAULTS_DIR)/*.sed)))
$(BUILD)/faults/attention-%/rtl/planted: tests/rtl/faults/attention/%.sed $(wildcard hw/rtl/*/*.sv) hw/rtl/waivers.vlt
	@rm -rf $(@D) && mkdir -p $(@D) && cp -r hw/rtl/. $(@D)/
	@f=$$(sed -n 's/^# file: //p' $<); sed -i -f $< $(@D)/$$f; \
	  if cmp -s hw/rtl/$$f $(@D)/$$f; then echo "$<: changes nothing in $$f" >&2; exit 1; fi
	@touch $@

.PHONY: attention-faults
attention-faults: $(ATTN_FAULTS:%=$(BUILD)/faults/attention-%/rtl/planted) $(BENCH_ATTN_CORE) ## faults planted in the attention unit are seen by its bench
	@set -e; for f in $(ATTN_FAULTS); do d=$(BUILD)/faults/attention-$$f; \
	  p=$$(sed -n 's/^# ports: //p' $(ATTN_FAULTS_DIR)/$$f.sed); v=w64$${p:+p$$p}a; \
	  $(MAKE) --no-print-directory sim RTL_DIR=$$d/rtl SIM_DIR=$$d/sim BUS=64 PORTS=$${p:-1} UNITS=a ATTN_ROWS=1 SIM_OPT=-O0 VERILATOR='$(VERILATOR) -Wno-fatal' >$$d/build.log 2>&1 || { cat $$d/build.log; exit 1; }; \
	  if $(BENCH_ATTN_CORE) $$d/sim/$$v/libseedbed_sim.so >$$d/run.log 2>&1; then echo "fault $$f: NOT caught"; exit 1; fi; \
	  echo "fault $$f: caught: $$(head -1 $$d/run.log)"; done

# Area by Yosys (xc7), $(1) T, $(2) Modes, $(3) Keys: one engine, and the unit around it on a 512-bit bus (rest.txt).
ATTN_REST := $(addprefix $(RTL_DIR)/,core/seedbed_pkg.sv prim/fifo.sv attn/attn_seq.sv attn/attn_write.sv attn/attn_export.sv attn/attn_share.sv attn/attn_unit.sv)
$(ATTN_BLD)/rest.txt: $(ATTN_REST) $(RTL_DIR)/attn/attn_engine.sv mk/sim_attention.mk
	@mkdir -p $(@D)
	yosys -q -p "read_verilog -lib -sv $(RTL_DIR)/attn/attn_engine.sv; read_verilog -sv $(ATTN_REST); \
	  chparam -set BusW 512 -set T 4 -set Modes 3 -set Keys 16384 attn_unit; \
	  synth_xilinx -family xc7 -flatten -top attn_unit -noiopad -noclkbuf; tee -o $@.tmp stat" > $(@D)/rest.log 2>&1
	mv $@.tmp $@
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

$(ATTN_BLD)/measure.txt: $(BENCH_ATTN_CORE) $(SIM_DIR)/w512a/libseedbed_sim.so
	@mkdir -p $(@D)
	$< $(SIM_DIR)/w512a/libseedbed_sim.so --measure > $@.tmp
	mv $@.tmp $@

# Cycles of the unit in the core (both modes built in), area of a unit with the one mode that a record is of.
.PHONY: bench-attention
bench-attention: $(ATTN_BLD)/measure.txt $(ATTN_BLD)/rest.txt $(foreach m,1 2,$(ATTN_BLD)/t4m$(m)k16384/area.txt) ## attention: cycles in the core, area
	@mkdir -p $(BUILD)/bench
	python3 mk/attention_report.py $(BUILD)/bench/attention.json $(ATTN_BLD)/measure.txt $(ATTN_BLD)/rest.txt \
	  sigmoid=$(ATTN_BLD)/t4m1k16384/area.txt softmax=$(ATTN_BLD)/t4m2k16384/area.txt
