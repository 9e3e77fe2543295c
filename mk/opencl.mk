# SPDX-License-Identifier: Apache-2.0
# The OpenCL back end is built in where the headers and the loader are; elsewhere `seedbed devices` says that it is not.
# OPENCL= leaves it out.

OPENCL ?= $(shell pkg-config --exists OpenCL 2>/dev/null && echo 1)

ifneq ($(OPENCL),)
CFLAGS += -DSB_HAVE_OPENCL $(shell pkg-config --cflags OpenCL)
LDLIBS += $(shell pkg-config --libs OpenCL)
endif

$(BUILD)/obj/host/device/opencl_program.o: $(wildcard kernels/opencl/*.cl)

# --- parity: every command on every back end present, against cpu ------------------------------------------------------------
# PARITY_CASES commands of each operation; `make parity PARITY_CASES=1000 PARITY_SEED=7` is the long form.
PARITY_CASES ?= 60
PARITY_SEED  ?= 1

$(BUILD)/parity/parity: $(wildcard tests/parity/*.[ch]) tests/unit/attention_case.h $(BUILD)/libseedbed.a
	@mkdir -p $(@D)
	@$(SAY) LD $@
	$(Q)$(CC) $(CFLAGS) $(filter %.c,$^) $(BUILD)/libseedbed.a $(LDFLAGS) $(LDLIBS) -o $@

$(BUILD)/parity/test_hang: tests/opencl/test_hang.c $(BUILD)/libseedbed.a
	@mkdir -p $(@D)
	@$(SAY) LD $@
	$(Q)$(CC) $(CFLAGS) $< $(BUILD)/libseedbed.a $(LDFLAGS) $(LDLIBS) -o $@

# The card that `make xrt-sim` simulates takes part where it is built; XRT of a real one by the environment.
PARITY_ENV = BUILD=$(BUILD) SEEDBED_SIM=$(SIM_DIR) POCL_CACHE_DIR=$(abspath $(BUILD))/pocl-cache \
             $(if $(XILINX_XRT),,$(if $(wildcard $(XRT_DIR)/lib),XILINX_XRT=$(XRT_DIR) XCL_EMULATION_MODE=hw_emu))

.PHONY: parity
parity: $(BUILD)/seedbed $(BUILD)/parity/parity $(BUILD)/parity/test_hang $(foreach v,w64 w64a w64av,$(SIM_DIR)/$(v)/libseedbed_sim.so) ## every command on every back end at hand against cpu, bit for bit
	$(PARITY_ENV) $(BUILD)/parity/parity --cases $(PARITY_CASES) --seed $(PARITY_SEED)
	$(PARITY_ENV) $(BUILD)/parity/test_hang
	BUILD=$(BUILD) SEEDBED_SIM=$(SIM_DIR) python3 tests/e2e/test_opencl.py

.PHONY: bench-opencl
bench-opencl: $(BUILD)/bench/bench_opencl ## the packed MATVEC on OpenCL beside binary32, int8 and the read rate
	POCL_CACHE_DIR=$(abspath $(BUILD))/pocl-cache $< $(BUILD)/bench/opencl.json
