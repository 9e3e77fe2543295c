# SPDX-License-Identifier: Apache-2.0
# The Verilated core as shared libraries, and the hardware tests.
#   make sim [BUS=512] [TRACE=1]    build/sim/w512[-trace]/libseedbed_sim.so
#   make sim-test                   benches of every module and of the whole core
#   make lint                       Verilator -Wall, Yosys, Icarus
# RTL_DIR and SIM_DIR may point at a copy, e.g. with a fault planted.

RTL_DIR   ?= hw/rtl
SIM_DIR   ?= $(BUILD)/sim
BUS       ?= 512
TRACE     ?= 0
VERILATOR ?= verilator
VERILATOR_INC ?= $(shell $(VERILATOR) --getenv VERILATOR_ROOT 2>/dev/null)/include
# Verilated code is compiled for the machine, as the host code is (ARCH).
SIM_OPT   ?= -O3 -march=$(ARCH)

RTL_PKG := core/seedbed_pkg.sv
RTL_SRC := $(RTL_DIR)/$(RTL_PKG) $(filter-out $(RTL_DIR)/$(RTL_PKG),$(sort $(wildcard $(RTL_DIR)/*/*.sv)))
RTL_VLT := $(RTL_DIR)/waivers.vlt
SIM_SRC := sim/sim_core.cpp sim/dram.c sim/dram.h sim/include/seedbed_sim.h sim/exports.map

VERILATE = $(VERILATOR) --cc -O3 --x-assign fast --x-initial unique --noassert -Wall $(RTL_VLT)
SIM_CXX  = $(CXX) -std=c++17 -fPIC -fvisibility=hidden $(SIM_OPT) -isystem $(VERILATOR_INC) -isystem $(VERILATOR_INC)/vltstd

# $(1) bus bits, $(2) "" or "-trace"
define SIM_VARIANT
$(SIM_DIR)/w$(1)$(2)/libseedbed_sim.so: $(RTL_SRC) $(RTL_VLT) $(SIM_SRC) mk/sim.mk
	@mkdir -p $$(@D)/obj
	$(VERILATE) --top seedbed_kernel -CFLAGS "-fPIC -fvisibility=hidden" -GBusW=$(1) $(if $(2),--trace-fst) --Mdir $$(@D)/obj $(RTL_SRC)
	$$(MAKE) --no-print-directory -C $$(@D)/obj -f Vseedbed_kernel.mk Vseedbed_kernel__ALL.a \
	  OPT_FAST="$(SIM_OPT)" OPT_SLOW="-O1" OPT_GLOBAL="-O2" CXX="$(CXX)" >/dev/null
	$$(SIM_CXX) -c $(VERILATOR_INC)/verilated.cpp -o $$(@D)/obj/verilated.o
	$$(SIM_CXX) -c $(VERILATOR_INC)/verilated_threads.cpp -o $$(@D)/obj/verilated_threads.o
	$(if $(2),$$(SIM_CXX) -c $(VERILATOR_INC)/verilated_fst_c.cpp -o $$(@D)/obj/verilated_fst_c.o)
	$(CC) -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden $(SIM_OPT) $(WARN) -c sim/dram.c -o $$(@D)/obj/dram.o
	$$(SIM_CXX) -Wall -Wextra -Isim -Isim/include -I$$(@D)/obj -DSB_BUS=$(1) -DSB_VARIANT='"w$(1)$(2)"' \
	  -DVM_TRACE_FST=$(if $(2),1,0) -DVM_TRACE=$(if $(2),1,0) -c sim/sim_core.cpp -o $$(@D)/obj/sim_core.o
	$(CXX) -shared -Wl,--version-script=sim/exports.map -Wl,-Bsymbolic -Wl,--no-undefined -o $$@.tmp \
	  $$(@D)/obj/sim_core.o $$(@D)/obj/dram.o $$(@D)/obj/verilated*.o $$(@D)/obj/Vseedbed_kernel__ALL.a \
	  $(if $(2),-lz) -lpthread -latomic
	mv $$@.tmp $$@
endef
$(foreach w,64 128 256 512 1024,$(eval $(call SIM_VARIANT,$(w),))$(eval $(call SIM_VARIANT,$(w),-trace)))

.PHONY: sim
sim: $(SIM_DIR)/w$(BUS)$(if $(filter 1,$(TRACE)),-trace)/libseedbed_sim.so

# --- module benches: tests/rtl/tb_*.cpp, each with the parameters it is built for -----------------------------------------
# $(1) name, $(2) top module and source tb_$(2).cpp, $(3) parameters, $(4) macros
TB_DIR   ?= $(BUILD)/tests/rtl
TB_NAMES :=
define TB_RULE
TB_NAMES += $(1)
$(TB_DIR)/$(1)/tb: tests/rtl/tb_$(2).cpp tests/rtl/tb.h tests/rtl/model.h sim/dram.c sim/dram.h $(RTL_SRC) $(TB_DIR)/verilated.a
	@mkdir -p $$(@D)
	$(VERILATOR) --cc -O3 --x-assign fast --x-initial unique --noassert -Wno-fatal -Wno-lint --top $(2) $(3) --prefix Vtop \
	  --Mdir $$(@D) $(RTL_SRC)
	$$(MAKE) --no-print-directory -C $$(@D) -f Vtop.mk Vtop__ALL.a OPT_FAST="-O1" OPT_SLOW="-O0" CXX="$(CXX)" >/dev/null
	$(CC) -std=c11 -D_GNU_SOURCE -O2 -g -c sim/dram.c -o $$(@D)/dram.o
	$(CXX) -std=c++17 -O1 -g -Wall -Wextra -Werror -isystem $(VERILATOR_INC) -isystem $(VERILATOR_INC)/vltstd -isystem $$(@D) \
	  -Isim -Itests/rtl $(4) tests/rtl/tb_$(2).cpp $$(@D)/dram.o $$(@D)/Vtop__ALL.a $(TB_DIR)/verilated.a -lpthread -latomic -o $$@
endef

$(TB_DIR)/verilated.a:
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -O2 -I$(VERILATOR_INC) -I$(VERILATOR_INC)/vltstd -c $(VERILATOR_INC)/verilated.cpp -o $(@D)/verilated.o
	$(CXX) -std=c++17 -O2 -I$(VERILATOR_INC) -I$(VERILATOR_INC)/vltstd -c $(VERILATOR_INC)/verilated_threads.cpp -o $(@D)/verilated_threads.o
	rm -f $@
	ar rcs $@ $(@D)/verilated.o $(@D)/verilated_threads.o

$(eval $(call TB_RULE,lfsr16,lfsr_expand,-GK=16 -GTaps=4107 -GN=48,-DTB_K=16 -DTB_TAPS=4107 -DTB_N=48))
$(eval $(call TB_RULE,lfsr3,lfsr_expand,-GK=3 -GTaps=3 -GN=24,-DTB_K=3 -DTB_TAPS=3 -DTB_N=24))
$(eval $(call TB_RULE,lfsr12,lfsr_expand,-GK=12 -GTaps=263 -GN=40,-DTB_K=12 -DTB_TAPS=263 -DTB_N=40))
$(eval $(call TB_RULE,lane,lane,-GCodecs=15,-DTB_CODECS=15))
$(eval $(call TB_RULE,lane_seedlm4,lane,-GCodecs=4,-DTB_CODECS=4))
$(eval $(call TB_RULE,fifo,fifo,-GWidth=20 -GDepth=8,-DTB_DEPTH=8))
$(eval $(call TB_RULE,skid_buffer,skid_buffer,-GWidth=16,))
$(eval $(call TB_RULE,act_buffer64,act_buffer,-GBusW=64 -GActCap=1024,-DTB_BUS=64 -DTB_CAP=1024))
$(eval $(call TB_RULE,act_buffer256,act_buffer,-GBusW=256 -GActCap=2048,-DTB_BUS=256 -DTB_CAP=2048))
$(eval $(call TB_RULE,act_buffer512,act_buffer,-GBusW=512 -GActCap=2048,-DTB_BUS=512 -DTB_CAP=2048))
$(eval $(call TB_RULE,act_buffer1024,act_buffer,-GBusW=1024 -GActCap=2048,-DTB_BUS=1024 -DTB_CAP=2048))
$(eval $(call TB_RULE,axi_read64,axi_read,-GBusW=64 -GMaxBurst=16 -GOutstanding=4,-DTB_BUS=64 -DTB_OUTSTANDING=4))
$(eval $(call TB_RULE,axi_read512,axi_read,-GBusW=512 -GMaxBurst=64 -GOutstanding=2,-DTB_BUS=512 -DTB_OUTSTANDING=2))
$(eval $(call TB_RULE,axi_write64,axi_write,-GBusW=64,-DTB_BUS=64))
$(eval $(call TB_RULE,axi_write512,axi_write,-GBusW=512 -GMaxBurst=16,-DTB_BUS=512))
$(eval $(call TB_RULE,axil_regs,axil_regs,-GParams=305419896 -GCodecs=15,))

TB_BIN := $(TB_NAMES:%=$(TB_DIR)/%/tb)

$(TB_DIR)/bench_core: tests/rtl/bench_core.c tests/rtl/model.h sim/include/seedbed_sim.h
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE -O2 -g $(WARN) -Isim/include -Itests/rtl $< -o $@ -ldl

.PHONY: rtl-benches sim-test
rtl-benches: $(TB_BIN)
	@set -e; for t in $(TB_BIN); do $$t; done

sim-test: $(TB_BIN) $(TB_DIR)/bench_core $(SIM_DIR)/w64/libseedbed_sim.so $(SIM_DIR)/w512/libseedbed_sim.so
	@set -e; for t in $(TB_BIN); do $$t; done
	$(TB_DIR)/bench_core $(SIM_DIR)/w64/libseedbed_sim.so $(SIM_DIR)/w512/libseedbed_sim.so
