# SPDX-License-Identifier: Apache-2.0
# XRT without a card: a user-space driver of ours that XRT loads, over the Verilated core.
#   make xrt-test    the simulated card and the xrt device on it
#   make xrt-sim     build/sim/xrt: the tree for XILINX_XRT, with the driver and one xclbin a core
# The driver is linked with the C++ half of Debian's libxrt_hwemu.a (Apache-2.0), so it needs libxrt-dev.

XRT_INC ?= $(firstword $(wildcard $(XILINX_XRT)/include /opt/xilinx/xrt/include /usr/include/xrt))
XRT_UUID := $(wildcard /usr/include/uuid/uuid.h)
XRT_DIR := $(SIM_DIR)/xrt
XRT_DRIVER := $(XRT_DIR)/lib/libxrt_hwemu.so.2
XRT_SRC := sim/xrt/model.c sim/xrt/xcl.c sim/xrt/model.h sim/include/seedbed_sim.h
XRT_CC   = $(CC) -std=c11 -D_GNU_SOURCE -O2 -g $(WARN) $(SAN) -isystem $(XRT_INC) -Isim/include

# Without the headers the back end is there and says that it cannot.
$(BUILD)/obj/host/device/xrt.o $(BUILD)/obj/host/device/xocl.o: CFLAGS += $(if $(XRT_INC),$(if $(XRT_UUID),-isystem $(XRT_INC) -DSB_HAVE_XRT))

$(XRT_DRIVER): $(XRT_SRC) mk/xrt.mk
	@mkdir -p $(@D) $(XRT_DIR)/obj
	@$(SAY) XRT $@
	$(Q)$(XRT_CC) -fPIC -fvisibility=hidden -c sim/xrt/model.c -o $(XRT_DIR)/obj/model.o
	$(Q)$(XRT_CC) -fPIC -c sim/xrt/xcl.c -o $(XRT_DIR)/obj/xcl.o
	$(Q)$(CXX) -shared $(SAN) -Wl,-soname,libxrt_hwemu.so.2 -Wl,--no-undefined -o $@.tmp $(XRT_DIR)/obj/xcl.o $(XRT_DIR)/obj/model.o \
	  -l:libxrt_hwemu.a -lxrt_coreutil -luuid -ldl -lpthread
	$(Q)mv $@.tmp $@

$(XRT_DIR)/mkxclbin: sim/xrt/mkxclbin.c mk/xrt.mk
	@mkdir -p $(@D)
	@$(SAY) CC $@
	$(Q)$(XRT_CC) $< -o $@

# The default card carries the widest core that the tests build anyway.
$(XRT_DIR)/seedbed.xclbin: $(XRT_DIR)/mkxclbin
	$(Q)$< $@ w512 1
$(XRT_DIR)/w%.xclbin: $(XRT_DIR)/mkxclbin
	$(Q)$< $@ w$* $(or $(word 2,$(subst p, ,$*)),1)

# Cards for the tests: a memory that stalls, one that is too small.
$(XRT_DIR)/w64-stall.xclbin: $(XRT_DIR)/mkxclbin
	$(Q)$< $@ w64 1 stall=300 seed=5 latency=60
$(XRT_DIR)/w64-small.xclbin: $(XRT_DIR)/mkxclbin
	$(Q)$< $@ w64 1 bank=0x4000000000:0x100000

# For an OpenCL loader: the platform that comes with XRT, which Debian does not register.
$(XRT_DIR)/opencl/xilinx.icd:
	@mkdir -p $(@D)
	$(Q)echo libxilinxopencl.so.2 >$@

# Four banks as in an HBM; port 1's parts of the weights lie two above port 0's.
$(XRT_DIR)/w64p2-banks.xclbin: $(XRT_DIR)/mkxclbin
	$(Q)$< $@ w64p2 2 $(foreach b,0x0 0x10000000 0x20000000 0x30000000,bank=$(b):0x10000000)

.PHONY: xrt-sim xrt-test
xrt-sim: $(XRT_DRIVER) $(XRT_DIR)/opencl/xilinx.icd $(XRT_DIR)/seedbed.xclbin $(XRT_DIR)/w64.xclbin $(XRT_DIR)/w64p2.xclbin ## XRT's tree for the simulated card, build/sim/xrt

# Faulty cores, as the stage `faults` leaves them, or made here.
$(BUILD)/faults/%/sim/w64/libseedbed_sim.so: tests/rtl/faults/%.sed $(RTL_SRC) $(SIM_SRC)
	+$(Q)$(MAKE) --no-print-directory $(BUILD)/faults/$*/rtl/planted
	+$(Q)$(MAKE) --no-print-directory sim RTL_DIR=$(BUILD)/faults/$*/rtl SIM_DIR=$(BUILD)/faults/$*/sim BUS=64 SIM_OPT=-O1

XRT_FAULTS := $(foreach f,dropped_beat wrong_tap,$(BUILD)/faults/$(f)/sim/w64/libseedbed_sim.so)
XRT_ENV := XILINX_XRT=$(XRT_DIR) XCL_EMULATION_MODE=hw_emu

xrt-test: $(BUILD)/seedbed $(BUILD)/tests/xrt/test_xrt_driver $(TB_DIR)/test_driver xrt-sim $(XRT_DIR)/w64-stall.xclbin $(XRT_DIR)/w64-small.xclbin $(XRT_DIR)/w64p2-banks.xclbin \
    $(XRT_DIR)/w64a.xclbin $(foreach v,w64 w64a w64p2 w512,$(SIM_DIR)/$(v)/libseedbed_sim.so) $(XRT_FAULTS) ## the xrt device on the simulated card
	$(XRT_ENV) $(BUILD)/tests/xrt/test_xrt_driver $(XRT_DIR)/w64.xclbin
	$(XRT_ENV) $(TB_DIR)/test_driver xrt:xclbin=$(XRT_DIR)/w64.xclbin,chunk=16
	$(XRT_ENV) OCL_ICD_VENDORS=$(abspath $(XRT_DIR)/opencl) $(TB_DIR)/test_driver opencl-xrt:xclbin=$(XRT_DIR)/w64.xclbin,chunk=16
	BUILD=$(BUILD) python3 tests/e2e/test_xrt.py

$(BUILD)/tests/xrt/test_xrt_driver: tests/xrt/test_xrt_driver.c mk/xrt.mk
	@mkdir -p $(@D)
	@$(SAY) LD $@
	$(Q)$(XRT_CC) -Ihost/include $< -o $@ -lxrt_coreutil -luuid
