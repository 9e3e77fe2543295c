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
SIM_SRC := sim/sim_core.cpp sim/dram.c sim/dram.h sim/dram_timing.c sim/dram_timing.h sim/public.vlt sim/include/seedbed_sim.h sim/exports.map

VERILATE = $(VERILATOR) --cc -O3 --x-assign fast --x-initial unique --noassert -Wall $(RTL_VLT)
SIM_CXX  = $(CXX) -std=c++17 -fPIC -fvisibility=hidden $(SIM_OPT) -isystem $(VERILATOR_INC) -isystem $(VERILATOR_INC)/vltstd

# $(1) bus bits, $(2) "" or "-trace"
define SIM_VARIANT
$(SIM_DIR)/w$(1)$(2)/libseedbed_sim.so: $(RTL_SRC) $(RTL_VLT) $(SIM_SRC) mk/sim.mk
	@mkdir -p $$(@D)/obj
	$(VERILATE) --top seedbed_kernel -CFLAGS "-fPIC -fvisibility=hidden" -GBusW=$(1) $(if $(2),--trace-fst) --Mdir $$(@D)/obj sim/public.vlt $(RTL_SRC)
	$$(MAKE) --no-print-directory -C $$(@D)/obj -f Vseedbed_kernel.mk Vseedbed_kernel__ALL.a \
	  OPT_FAST="$(SIM_OPT)" OPT_SLOW="-O1" OPT_GLOBAL="-O2" CXX="$(CXX)" >/dev/null
	$$(SIM_CXX) -c $(VERILATOR_INC)/verilated.cpp -o $$(@D)/obj/verilated.o
	$$(SIM_CXX) -c $(VERILATOR_INC)/verilated_threads.cpp -o $$(@D)/obj/verilated_threads.o
	$(if $(2),$$(SIM_CXX) -c $(VERILATOR_INC)/verilated_fst_c.cpp -o $$(@D)/obj/verilated_fst_c.o)
	$(CC) -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden $(SIM_OPT) $(WARN) -c sim/dram.c -o $$(@D)/obj/dram.o
	$(CC) -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden $(SIM_OPT) $(WARN) -c sim/dram_timing.c -o $$(@D)/obj/dram_timing.o
	$$(SIM_CXX) -Wall -Wextra -Isim -Isim/include -I$$(@D)/obj -DSB_BUS=$(1) -DSB_VARIANT='"w$(1)$(2)"' \
	  -DVM_TRACE_FST=$(if $(2),1,0) -DVM_TRACE=$(if $(2),1,0) -c sim/sim_core.cpp -o $$(@D)/obj/sim_core.o
	$(CXX) -shared -Wl,--version-script=sim/exports.map -Wl,-Bsymbolic -Wl,--no-undefined -o $$@.tmp \
	  $$(@D)/obj/sim_core.o $$(@D)/obj/dram.o $$(@D)/obj/dram_timing.o $$(@D)/obj/verilated*.o $$(@D)/obj/Vseedbed_kernel__ALL.a \
	  $(if $(2),-lz) -lpthread -latomic
	mv $$@.tmp $$@
endef
$(foreach w,64 128 256 512 1024,$(eval $(call SIM_VARIANT,$(w),))$(eval $(call SIM_VARIANT,$(w),-trace)))

.PHONY: sim
sim: $(SIM_DIR)/w$(BUS)$(if $(filter 1,$(TRACE)),-trace)/libseedbed_sim.so
