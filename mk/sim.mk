# SPDX-License-Identifier: Apache-2.0
# The Verilated core as shared libraries, and the hardware tests.
#   make sim [BUS=512] [PORTS=1] [TRACE=1]    build/sim/w512[pPORTS][-trace]/libseedbed_sim.so
#   make sim UNITS=a|v|av           build/sim/w512[pPORTS]UNITS: with the attention unit, the vector unit (slower to simulate)
#   make sim STYLE=1                build/sim/w512[pPORTS]-fpga: with the lanes that go onto an FPGA (slower to simulate)
#   make sim-test                   benches of every module and of the whole core
#   make lint                       Verilator -Wall, Yosys, Icarus
# RTL_DIR and SIM_DIR may point at a copy, e.g. with a fault planted.

RTL_DIR   ?= hw/rtl
SIM_DIR   ?= $(BUILD)/sim
BUS       ?= 512
PORTS     ?= 1
TRACE     ?= 0
STYLE     ?= 0
UNITS     ?=
VERILATOR ?= verilator
ifndef VERILATOR_INC
VERILATOR_INC := $(shell $(VERILATOR) --getenv VERILATOR_ROOT 2>/dev/null)/include
endif
# Verilated code is compiled for the machine, as the host code is (ARCH).
SIM_OPT   ?= -O3 -march=$(ARCH)

RTL_PKG := core/seedbed_pkg.sv
RTL_SRC := $(RTL_DIR)/$(RTL_PKG) $(filter-out $(RTL_DIR)/$(RTL_PKG),$(sort $(wildcard $(RTL_DIR)/*/*.sv)))
RTL_VLT := $(RTL_DIR)/waivers.vlt
# The wrapper for several ports is printed; everything else is the same. $(1) ports
KERNEL   = $(if $(filter 1,$(1)),$(RTL_DIR)/core/seedbed_kernel.sv,$(BUILD)/rtl/p$(1)/seedbed_kernel.sv)
RTL_FOR  = $(filter-out %/seedbed_kernel.sv,$(RTL_SRC)) $(call KERNEL,$(1))
$(BUILD)/rtl/p%/seedbed_kernel.sv: hw/kernel.sh
	@mkdir -p $(@D)
	$(Q)hw/kernel.sh $* >$@.tmp && mv $@.tmp $@
SIM_SRC := sim/sim_core.cpp sim/sim_model.hpp sim/cover.hpp sim/hang_trace.hpp sim/dram.c sim/dram.h sim/dram_timing.c sim/dram_timing.h sim/public.vlt sim/include/seedbed_sim.h sim/exports.map

VERILATE = $(VERILATOR) --cc -O3 --x-assign fast --x-initial unique --noassert -Wall $(RTL_VLT)
SIM_CXX  = $(CXX) -std=c++17 -fPIC -fvisibility=hidden $(SIM_OPT) -isystem $(VERILATOR_INC) -isystem $(VERILATOR_INC)/vltstd

# Units of a variant, $(1) bus bits, $(2) "", a, v or av: a narrow bus gets fewer query rows, which simulate faster.
SIM_UNITS = $(if $(findstring a,$(2)),-GAttention=3 -GAttnRows=$(if $(ATTN_ROWS),$(ATTN_ROWS),$(if $(filter 64 128,$(1)),2,4))) $(if $(findstring v,$(2)),-GVector=1)
# Beats of weights read ahead, $(1) bus bits, $(2) units: with units 8192, at 256 bits 16384 (512 KB), else none. PREFETCH=N overrides.
SIM_AHEAD = -GPrefetch=$(if $(PREFETCH),$(PREFETCH),$(if $(2),$(if $(filter 256,$(1)),16384,8192),0))
# $(1) bus bits of a port, $(2) "", "-trace" or "-fpga", $(3) ports, $(4) w$(1)[p$(3)][$(5)][-trace|-fpga], $(5) "", a, v or av
define SIM_VARIANT
$(SIM_DIR)/$(4)/obj/Vseedbed_kernel__ALL.a: $(call RTL_FOR,$(3)) $(RTL_VLT) sim/public.vlt mk/sim.mk
	@mkdir -p $$(@D)
	@$$(SAY) VLT $$@
	$$(Q)$(VERILATE) --top seedbed_kernel -CFLAGS "-fPIC -fvisibility=hidden" -GBusW=$(1) $(call SIM_UNITS,$(1),$(5)) $(call SIM_AHEAD,$(1),$(5)) -GStyle="1'b$(if $(filter -fpga,$(2)),1,0)" $(if $(filter -trace,$(2)),--trace-fst) --Mdir $$(@D) sim/public.vlt $(call RTL_FOR,$(3))
	$$(Q)$$(MAKE) --no-print-directory -C $$(@D) -f Vseedbed_kernel.mk Vseedbed_kernel__ALL.a \
	  OPT_FAST="$(SIM_OPT)" OPT_SLOW="-O1" OPT_GLOBAL="-O2" CXX="$(CXX)" >/dev/null
$(SIM_DIR)/$(4)/libseedbed_sim.so: $(SIM_DIR)/$(4)/obj/Vseedbed_kernel__ALL.a $(SIM_SRC) mk/sim.mk
	@$$(SAY) SIM $$@
	$$(Q)$$(SIM_CXX) -c $(VERILATOR_INC)/verilated.cpp -o $$(@D)/obj/verilated.o
	$$(Q)$$(SIM_CXX) -c $(VERILATOR_INC)/verilated_threads.cpp -o $$(@D)/obj/verilated_threads.o
	$(if $(filter -trace,$(2)),$$(Q)$$(SIM_CXX) -c $(VERILATOR_INC)/verilated_fst_c.cpp -o $$(@D)/obj/verilated_fst_c.o)
	$$(Q)$(CC) -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden $(SIM_OPT) $(WARN) -c sim/dram.c -o $$(@D)/obj/dram.o
	$$(Q)$(CC) -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden $(SIM_OPT) $(WARN) -c sim/dram_timing.c -o $$(@D)/obj/dram_timing.o
	$$(Q)$$(SIM_CXX) -Wall -Wextra -Isim -Isim/include -I$$(@D)/obj -DSB_BUS=$(1) -DSB_PORTS=$(3) -DSB_VARIANT='"$(4)"' \
	  -DVM_TRACE_FST=$(if $(filter -trace,$(2)),1,0) -DVM_TRACE=$(if $(filter -trace,$(2)),1,0) -c sim/sim_core.cpp -o $$(@D)/obj/sim_core.o
	$$(Q)$(CXX) -shared -Wl,--version-script=sim/exports.map -Wl,-Bsymbolic -Wl,--no-undefined -o $$@.tmp \
	  $$(@D)/obj/sim_core.o $$(@D)/obj/dram.o $$(@D)/obj/dram_timing.o $$(@D)/obj/verilated*.o $$(@D)/obj/Vseedbed_kernel__ALL.a \
	  $(if $(filter -trace,$(2)),-lz) -lpthread -latomic
	$$(Q)mv $$@.tmp $$@
endef
SIM_NAME = w$(1)$(if $(filter-out 1,$(3)),p$(3))$(4)$(2)
$(foreach w,64 128 256 512 1024,$(foreach p,1 2 3 4 5 6 7 8,$(foreach t,none -trace -fpga,\
  $(eval $(call SIM_VARIANT,$(w),$(filter-out none,$(t)),$(p),$(call SIM_NAME,$(w),$(filter-out none,$(t)),$(p)),)))))
$(foreach w,64 128 256 512,$(foreach p,1 2 3 4,$(foreach t,none -trace,$(foreach u,a v av,\
  $(eval $(call SIM_VARIANT,$(w),$(filter-out none,$(t)),$(p),$(call SIM_NAME,$(w),$(filter-out none,$(t)),$(p),$(u)),$(u)))))))

.PHONY: sim
sim: $(SIM_DIR)/$(call SIM_NAME,$(BUS),$(if $(filter 1,$(TRACE)),-trace,$(if $(filter 1,$(STYLE)),-fpga)),$(PORTS),$(UNITS))/libseedbed_sim.so ## a simulator: BUS=64..1024, PORTS=1..8, UNITS=a|v|av, TRACE=1 for waveforms, STYLE=1 for FPGA lanes

# --- module benches: tests/rtl/tb_*.cpp, each with the parameters it is built for -----------------------------------------
# $(1) name, $(2) top module and source tb_$(2).cpp, $(3) parameters, $(4) macros
TB_DIR   ?= $(BUILD)/tests/rtl
TB_NAMES :=
define TB_RULE
TB_NAMES += $(1)
$(TB_DIR)/$(1)/tb: tests/rtl/tb_$(2).cpp tests/rtl/tb.h tests/rtl/model.h sim/dram.c sim/dram.h sim/dram_timing.c sim/dram_timing.h $(RTL_SRC) $(TB_DIR)/verilated.a
	@mkdir -p $$(@D)
	$(VERILATOR) --cc -O3 --x-assign fast --x-initial unique --noassert -Wno-fatal -Wno-lint --top $(2) $(3) --prefix Vtop \
	  --Mdir $$(@D) $(RTL_SRC)
	$$(MAKE) --no-print-directory -C $$(@D) -f Vtop.mk Vtop__ALL.a OPT_FAST="-O1" OPT_SLOW="-O0" CXX="$(CXX)" >/dev/null
	$(CC) -std=c11 -D_GNU_SOURCE -O2 -g -c sim/dram.c -o $$(@D)/dram.o
	$(CC) -std=c11 -D_GNU_SOURCE -O2 -g -c sim/dram_timing.c -o $$(@D)/dram_timing.o
	$(CXX) -std=c++17 -O1 -g -Wall -Wextra -Werror -isystem $(VERILATOR_INC) -isystem $(VERILATOR_INC)/vltstd -isystem $$(@D) \
	  -Isim -Itests/rtl $(4) tests/rtl/tb_$(2).cpp $$(@D)/dram.o $$(@D)/dram_timing.o $$(@D)/Vtop__ALL.a $(TB_DIR)/verilated.a -lpthread -latomic -o $$@
endef

$(TB_DIR)/verilated.a:
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -O2 -I$(VERILATOR_INC) -I$(VERILATOR_INC)/vltstd -c $(VERILATOR_INC)/verilated.cpp -o $(@D)/verilated.o
	$(CXX) -std=c++17 -O2 -I$(VERILATOR_INC) -I$(VERILATOR_INC)/vltstd -c $(VERILATOR_INC)/verilated_threads.cpp -o $(@D)/verilated_threads.o
	rm -f $@
	ar rcs $@ $(@D)/verilated.o $(@D)/verilated_threads.o

$(eval $(call TB_RULE,lfsr16,lfsr_expand,-GK=16 -GTaps=4107 -GN=48,-DTB_K=16 -DTB_TAPS=4107 -DTB_N=48))
$(eval $(call TB_RULE,lfsr3,lfsr_expand,-GK=3 -GTaps=3 -GN=24,-DTB_K=3 -DTB_TAPS=3 -DTB_N=24))
$(eval $(call TB_RULE,lfsr16_table,lfsr_expand,-GK=16 -GTaps=4107 -GN=48 -GStyle=0,-DTB_K=16 -DTB_TAPS=4107 -DTB_N=48))
$(eval $(call TB_RULE,lfsr12,lfsr_expand,-GK=12 -GTaps=263 -GN=40,-DTB_K=12 -DTB_TAPS=263 -DTB_N=40))
$(eval $(call TB_RULE,lane,lane,-GCodecs=15,-DTB_CODECS=15))
$(eval $(call TB_RULE,lane_seedlm4,lane,-GCodecs=4,-DTB_CODECS=4))
$(eval $(call TB_RULE,lane_fpga,lane,tests/rtl/lane_skewed.sv --top lane_skewed -GCodecs=15,-DTB_CODECS=15 -DTB_FPGA))
$(eval $(call TB_RULE,lane_fpga_seedlm4,lane,tests/rtl/lane_skewed.sv --top lane_skewed -GCodecs=4,-DTB_CODECS=4 -DTB_FPGA))
$(TB_DIR)/lane_fpga/tb $(TB_DIR)/lane_fpga_seedlm4/tb: tests/rtl/lane_skewed.sv
$(eval $(call TB_RULE,fifo,fifo,-GWidth=20 -GDepth=8,-DTB_DEPTH=8))
$(eval $(call TB_RULE,skid_buffer,skid_buffer,-GWidth=16,))
$(eval $(call TB_RULE,clock_gate,clock_gate,-GEnable=1 -GHold=5,-DTB_HOLD=5))
$(eval $(call TB_RULE,act_buffer64,act_buffer,-GBusW=64 -GActCap=1024,-DTB_BUS=64 -DTB_CAP=1024))
$(eval $(call TB_RULE,act_buffer256,act_buffer,-GBusW=256 -GActCap=2048,-DTB_BUS=256 -DTB_CAP=2048))
$(eval $(call TB_RULE,act_buffer512,act_buffer,-GBusW=512 -GActCap=2048,-DTB_BUS=512 -DTB_CAP=2048))
$(eval $(call TB_RULE,act_buffer1024,act_buffer,-GBusW=1024 -GActCap=2048,-DTB_BUS=1024 -DTB_CAP=2048))
$(eval $(call TB_RULE,axi_read64,axi_read,-GBusW=64 -GMaxBurst=16 -GOutstanding=4,-DTB_BUS=64 -DTB_OUTSTANDING=4))
$(eval $(call TB_RULE,axi_read512,axi_read,-GBusW=512 -GMaxBurst=64 -GOutstanding=2,-DTB_BUS=512 -DTB_OUTSTANDING=2))
$(eval $(call TB_RULE,axi_write64,axi_write,-GBusW=64,-DTB_BUS=64))
$(eval $(call TB_RULE,axi_write512,axi_write,-GBusW=512 -GMaxBurst=16,-DTB_BUS=512))
$(eval $(call TB_RULE,axi_write_bytes,axi_write,-GBusW=128 -GElemB=1,-DTB_BUS=128 -DTB_ELEM=1))
$(eval $(call TB_RULE,axil_regs,axil_regs,-GParams=305419896 -GCodecs=15 -GMaxBatch=13 -GPorts=3 -GUnits=5,))

TB_BIN := $(TB_NAMES:%=$(TB_DIR)/%/tb)

CORE_BENCH_SRC := $(addprefix tests/rtl/,bench_core.c core_bench.c core_tests.c core_measure.c)
$(TB_DIR)/bench_core: $(CORE_BENCH_SRC) tests/rtl/core_bench.h tests/rtl/model.h sim/include/seedbed_sim.h
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE -O2 -g $(WARN) -Isim/include -Itests/rtl $(CORE_BENCH_SRC) -o $@ -ldl

$(TB_DIR)/test_driver: tests/rtl/test_driver.c tests/rtl/model.h $(BUILD)/libseedbed.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Itests/rtl $< $(BUILD)/libseedbed.a $(LDFLAGS) $(LDLIBS) -o $@

$(TB_DIR)/test_dram: tests/rtl/test_dram.c sim/dram.c sim/dram.h sim/dram_timing.c sim/dram_timing.h
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE -O2 -g $(WARN) $(SAN) -Isim tests/rtl/test_dram.c sim/dram.c sim/dram_timing.c $(CHECK_LIBS) -o $@

.PHONY: rtl-benches sim-test
rtl-benches: $(TB_BIN) ## the benches of the RTL modules
	@set -e; for t in $(TB_BIN); do $$t; done

CORE_LIBS := $(foreach v,w64 w64p2 w64p3 w512,$(SIM_DIR)/$(v)/libseedbed_sim.so)
# Three ports that read weights ahead: parts, hazards and flushes with two streams each.
CORE_AHEAD := $(SIM_DIR)/ahead/w64p3/libseedbed_sim.so
$(CORE_AHEAD): $(call RTL_FOR,3) $(SIM_SRC)
	+$(Q)$(MAKE) --no-print-directory sim BUS=64 PORTS=3 PREFETCH=256 SIM_DIR=$(SIM_DIR)/ahead SIM_OPT=-O1
sim-test: $(TB_DIR)/test_dram $(TB_BIN) $(TB_DIR)/bench_core $(TB_DIR)/test_driver $(CORE_LIBS) $(CORE_AHEAD) ## benches of every module and of the whole core
	$(TB_DIR)/test_dram
	@set -e; for t in $(TB_BIN); do $$t; done
	$(TB_DIR)/bench_core $(CORE_LIBS) $(CORE_AHEAD)
	$(TB_DIR)/test_driver $(SIM_DIR)/w64/libseedbed_sim.so $(SIM_DIR)/w512/libseedbed_sim.so

# --- lint: three front ends, several parameter sets ------------------------------------------------------------------------
LINT_TOPS := seedbed_kernel seedbed_core cluster cmd_fetch cmd_records cmd_shape cmd_weights counters matvec_engine lane_array drain act_buffer lane lane_seedlm lane_seedlm_sim lane_seedlm_fpga act_skew delay lane_int4 \
             lane_fp16 lfsr_expand axi_read axi_read_join axi_write axi_burst axil_regs unit_port core_units attn_unit attn_share attn_seq attn_write attn_export attn_engine fifo skid_buffer clock_gate
LINT_SETS := "-GBusW=64" "-GBusW=128 -GCodecs=4'd4" "-GBusW=256 -GCodecs=4'd1" "-GBusW=512 -GCodecs=4'd6" "-GBusW=512 -GActCap=4096" \
             "-GBusW=1024 -GOutstanding=2" "-GBusW=512 -GCodecs=4'd8" "-GBusW=512 -GMaxBatch=1" "-GBusW=1024 -GMaxBatch=5" \
             "-GBusW=64 -GAttention=3 -GAttnRows=2" "-GBusW=64 -GPrefetch=64" "-GBusW=1024 -GPrefetch=4096 -GOutstanding=2" "-GBusW=512 -GAttention=1" "-GBusW=256 -GAttention=2 -GAttnRows=1 -GAttnKeys=256" \
             "-GBusW=64 -GStyle=1'b0" "-GBusW=64 -GStyle=1'b0 -GAttention=3 -GAttnRows=2 -GVector=1" "-GBusW=128 -GStyle=1'b0 -GCodecs=4'd4" "-GBusW=512 -GStyle=1'b0 -GCodecs=4'd8"
LINT_PORTS := 2 3 4 8

.PHONY: lint lint-verilator lint-yosys lint-icarus
lint: lint-verilator lint-yosys lint-icarus ## the RTL as Verilator, Yosys and Icarus read it

lint-verilator: $(LINT_PORTS:%=$(BUILD)/rtl/p%/seedbed_kernel.sv)
	@set -e; for t in $(LINT_TOPS); do $(VERILATOR) --lint-only -Wall $(RTL_VLT) --top $$t $(RTL_SRC); done
	@set -e; for s in $(LINT_SETS); do $(VERILATOR) --lint-only -Wall $(RTL_VLT) --top seedbed_kernel $$s $(RTL_SRC); done
	@set -e; for p in $(LINT_PORTS); do $(VERILATOR) --lint-only -Wall $(RTL_VLT) --top seedbed_core -GPorts=$$p -GBusW=64 $(RTL_SRC); done
	@set -e; for s in "-GPorts=3 -GAttention=3 -GVector=1 -GStyle=1'b0" "-GPorts=8 -GAttention=1" "-GPorts=2 -GVector=1" "-GPorts=3 -GAttention=1 -GPrefetch=1024"; do \
	  $(VERILATOR) --lint-only -Wall $(RTL_VLT) --top seedbed_core $$s -GBusW=64 -GAttnRows=2 $(RTL_SRC); done
	@set -e; for p in $(LINT_PORTS); do $(VERILATOR) --lint-only -Wall $(RTL_VLT) --top seedbed_kernel -GBusW=256 \
	  $(filter-out %/seedbed_kernel.sv,$(RTL_SRC)) $(BUILD)/rtl/p$$p/seedbed_kernel.sv; done
	@hw/kernel.sh 1 | cmp - $(RTL_DIR)/core/seedbed_kernel.sv
	@echo "lint-verilator: ok"

# -e turns into errors what Yosys only warns of: names that do not exist, nets that nothing drives.
lint-yosys: $(BUILD)/rtl/p2/seedbed_kernel.sv $(BUILD)/rtl/p4/seedbed_kernel.sv
	@set -e; for p in "BusW 64" "BusW 512 -set Codecs 4" "BusW 1024 -set Codecs 4" "BusW 128 -set Style 0" \
    "BusW 64 -set Codecs 4 -set Attention 3 -set AttnRows 1 -set AttnKeys 256"; do \
	  yosys -q -e 'implicitly declared|no driver|conflicting' -p "read_verilog -sv $(RTL_SRC); chparam -set $$p seedbed_kernel; \
	    hierarchy -check -top seedbed_kernel; proc; check -assert" 2>&1 | { grep -v 'Replacing memory' || true; }; \
	  test $${PIPESTATUS[0]} -eq 0; done
	@set -e; for p in 2 4; do \
	  yosys -q -e 'implicitly declared|no driver|conflicting' -p "read_verilog -sv $(filter-out %/seedbed_kernel.sv,$(RTL_SRC)) \
	    $(BUILD)/rtl/p$$p/seedbed_kernel.sv; chparam -set BusW 64 -set Codecs 4 seedbed_kernel; \
	    hierarchy -check -top seedbed_kernel; proc; check -assert" 2>&1 | { grep -v 'Replacing memory' || true; }; \
	  test $${PIPESTATUS[0]} -eq 0; done
	@yosys -q -e 'implicitly declared|no driver|conflicting' -p "read_verilog -sv $(RTL_DIR)/prim/clock_gate.sv; chparam -set Enable 1 clock_gate; \
	  hierarchy -check -top clock_gate; proc; check -assert"
	@echo "lint-yosys: ok"

# Icarus has not learnt constant selects in always_comb: it says sorry and takes the whole vector, which is harmless.
lint-icarus:
	@set -e; for w in "64 -P seedbed_kernel.Attention=3" "64 -P seedbed_kernel.Attention=1 -P seedbed_kernel.Vector=1 -P seedbed_kernel.Style=0" 512; do iverilog -g2012 -t null -Wall -Wno-timescale -P seedbed_kernel.BusW=$$w -s seedbed_kernel $(RTL_SRC) 2>&1 \
	  | { ! grep -v 'sorry: constant selects'; }; done
	@iverilog -g2012 -t null -Wall -Wno-timescale -P seedbed_core.BusW=64 -P seedbed_core.Ports=3 -P seedbed_core.Attention=3 -s seedbed_core $(RTL_SRC) 2>&1 \
	  | { ! grep -v 'sorry: constant selects'; }
	@echo "lint-icarus: ok"

lint-yosys lint-icarus: SHELL := /bin/bash

# --- planted faults: the benches must catch each of them --------------------------------------------------------------------
# tests/rtl/faults/NAME.sed names its file in its first line; build/faults/NAME/rtl is a copy of the RTL with the fault in it.
FAULTS := $(basename $(notdir $(wildcard tests/rtl/faults/*.sed)))

$(BUILD)/faults/%/rtl/planted: tests/rtl/faults/%.sed $(wildcard hw/rtl/*/*.sv) hw/rtl/waivers.vlt
	@rm -rf $(@D) && mkdir -p $(@D) && cp -r hw/rtl/. $(@D)/
	@f=$$(sed -n 's/^# file: //p' $<); sed -i -f $< $(@D)/$$f; \
	  if cmp -s hw/rtl/$$f $(@D)/$$f; then echo "$<: changes nothing in $$f" >&2; exit 1; fi
	@touch $@

.PHONY: rtl-faults
rtl-faults: $(FAULTS:%=$(BUILD)/faults/%/rtl/planted) $(TB_DIR)/bench_core ## faults planted in the RTL are seen by the core's bench
	@set -e; for f in $(FAULTS); do d=$(BUILD)/faults/$$f; \
	  $(MAKE) --no-print-directory sim RTL_DIR=$$d/rtl SIM_DIR=$$d/sim BUS=64 >$$d/build.log 2>&1 || { cat $$d/build.log; exit 1; }; \
	  if $(TB_DIR)/bench_core $$d/sim/w64/libseedbed_sim.so >$$d/run.log 2>&1; then echo "fault $$f: NOT caught"; exit 1; fi; \
	  echo "fault $$f: caught: $$(head -1 $$d/run.log)"; done
