# SPDX-License-Identifier: Apache-2.0
# kernels/cuda: compiled by nvcc where there is one (NVCC=none: not), and by the host compiler over the emulator of tests/cuda, which
# needs no GPU. The program carries the exact kernels; CUDA's runtime is linked statically, so it starts without a driver too.

NVCC ?= $(firstword $(wildcard $(shell command -v nvcc 2>/dev/null) /usr/local/cuda/bin/nvcc) none)
HAVE_CUDA := $(if $(filter-out none,$(NVCC)),$(if $(wildcard $(NVCC)),1))
CUDA_HOME := $(patsubst %/bin/nvcc,%,$(realpath $(NVCC)))
CUDA_ARCH ?= -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90 -gencode arch=compute_90,code=compute_90

# wgmma and setmaxnreg are of this target alone; other GPUs get the other kernel.
$(BUILD)/cuda/flash_hopper.o: CUDA_ARCH_OF = -gencode arch=compute_90a,code=sm_90a

CUDA_EXACT := matvec matvec_seedlm3 quantize attention vector runtime
CUDA_FLASH := flash_forward flash_hopper flash_backward
CUDA_PLAIN := runtime_text layout
CUDA_HDR   := $(wildcard kernels/cuda/*.cuh kernels/cuda/*.hpp kernels/include/*.h) host/include/seedbed/command.h
CUDA_INC   := -Ikernels/include -Ihost/include -Ihost
CUDA_OBJ   := $(CUDA_EXACT:%=$(BUILD)/cuda/%.o) $(CUDA_PLAIN:%=$(BUILD)/cuda/%.o)
CUDA_CXXFLAGS = -std=c++17 -O2 -g $(WARN) $(SAN)

ifeq ($(HAVE_CUDA),1)
CUDA_LIB   := $(BUILD)/cuda/libseedbed_cuda.a
CUDA_LINK  := $(CUDA_LIB) -L$(CUDA_HOME)/lib64 -lcudart_static -lstdc++ -lrt
$(BUILD)/obj/host/device/cuda.o: CFLAGS += -DSB_HAVE_CUDA -Ikernels/include
$(BUILD)/libseedbed.a: $(CUDA_LIB) # whatever links it links CUDA too
endif
# A build directory that is used with and without nvcc.
CUDA_STAMP := $(BUILD)/cuda/have$(HAVE_CUDA)
$(BUILD)/obj/host/device/cuda.o: $(CUDA_STAMP)
$(CUDA_STAMP):
	@mkdir -p $(@D)
	@rm -f $(@D)/have*
	@touch $@

$(BUILD)/cuda/%.o: kernels/cuda/%.cu $(CUDA_HDR) mk/cuda.mk
	@mkdir -p $(@D)
	@$(SAY) NVCC $<
	$(Q)$(NVCC) -O3 -std=c++17 -lineinfo $(or $(CUDA_ARCH_OF),$(CUDA_ARCH)) $(CUDA_INC) -Xcompiler -Wall,-Wextra,-fPIC -Xptxas -v -c $< -o $@.tmp 2>$@.log || { cat $@.log >&2; exit 1; }
	$(Q)grep -iE 'warning|error' $@.log >&2 || true
	$(Q)mv $@.tmp $@

$(BUILD)/cuda/%.o: kernels/cuda/%.cpp $(CUDA_HDR)
	@mkdir -p $(@D)
	@$(SAY) CXX $<
	$(Q)$(CXX) $(CUDA_CXXFLAGS) $(CUDA_INC) -c $< -o $@

# Attention in floating point: a library of its own (kernels/include/sb_flash.h), which the program does not need.
FLASH_LIB := $(BUILD)/cuda/libseedbed_flash.a
$(FLASH_LIB): $(CUDA_FLASH:%=$(BUILD)/cuda/%.o)
	@rm -f $@
	@$(SAY) AR $@
	$(Q)ar rcs $@ $^

$(BUILD)/cuda/libseedbed_cuda.a: $(CUDA_OBJ)
	@rm -f $@
	@$(SAY) AR $@
	$(Q)ar rcs $@ $^

# --- the same source on the emulator ---------------------------------------------------------------------------------------
EMU_DIR := $(BUILD)/cuda-emulated
EMU_HDR := $(wildcard tests/cuda/*.hpp)
FLASH_TEST_HDR := tests/cuda/flash_case.h tests/cuda/flash_device.h
EMU_CORE := $(EMU_DIR)/emulator.o $(EMU_DIR)/emulator_hopper.o
EMU_OBJ := $(CUDA_EXACT:%=$(EMU_DIR)/%.o) $(CUDA_PLAIN:%=$(BUILD)/cuda/%.o) $(EMU_CORE)
# No contraction: __fmul_rn and the like are one rounding each.
EMU_CXX  = $(CXX) -std=c++17 -O2 -g $(WARN) -ffp-contract=off -include tests/cuda/emulator.hpp $(CUDA_INC)

$(EMU_DIR)/%.o: kernels/cuda/%.cu $(CUDA_HDR) $(EMU_HDR)
	@mkdir -p $(@D)
	@$(SAY) EMU $<
	$(Q)$(EMU_CXX) -x c++ -c $< -o $@
$(EMU_CORE): $(EMU_DIR)/%.o: tests/cuda/%.cpp $(EMU_HDR)
	@mkdir -p $(@D)
	@$(SAY) CXX $<
	$(Q)$(EMU_CXX) -c $< -o $@

$(BUILD)/tests/test_cuda_emulated: tests/cuda/test_cuda_exact.c tests/cuda/pair.h tests/unit/attention_case.h $(EMU_OBJ) $(BUILD)/libseedbed.a
	@mkdir -p $(@D)
	@$(SAY) LD $@
	$(Q)$(CC) $(CFLAGS) -DSB_CUDA_EMULATED -DSB_HAVE_CUDA -Ikernels/include $< host/device/cuda.c $(EMU_OBJ) $(BUILD)/libseedbed.a $(LDFLAGS) $(LDLIBS) $(CHECK_LIBS) -lstdc++ -o $@

$(BUILD)/tests/test_%_emulated: tests/cuda/test_%.cpp $(FLASH_TEST_HDR) $(CUDA_FLASH:%=$(EMU_DIR)/%.o) $(EMU_CORE)
	@mkdir -p $(@D)
	@$(SAY) LD $@
	$(Q)$(EMU_CXX) $(filter %.cpp,$^) $(filter %.o,$^) -o $@

# On a GPU; without one they say so.
$(BUILD)/tests/cuda/test_flash $(BUILD)/tests/cuda/test_flash_backward: $(BUILD)/tests/cuda/%: tests/cuda/%.cpp $(FLASH_LIB) $(FLASH_TEST_HDR)
	@mkdir -p $(@D)
	@$(SAY) LD $@
	$(Q)$(CXX) $(CUDA_CXXFLAGS) $(CUDA_INC) -isystem $(CUDA_HOME)/include $(filter %.cpp %.a,$^) -L$(CUDA_HOME)/lib64 -lcudart_static -ldl -lrt -lpthread -o $@
$(BUILD)/tests/cuda/test_cuda_exact: tests/cuda/test_cuda_exact.c tests/cuda/pair.h tests/unit/attention_case.h $(BUILD)/libseedbed.a
	@mkdir -p $(@D)
	@$(SAY) LD $@
	$(Q)$(CC) $(CFLAGS) -Ikernels/include $< $(BUILD)/libseedbed.a $(LDFLAGS) $(LDLIBS) $(CHECK_LIBS) -o $@

.PHONY: cuda cuda-test bench-cuda
TEST_BESIDE += cuda-test
ifeq ($(HAVE_CUDA),1)
cuda: $(CUDA_LIB) $(FLASH_LIB) ## the CUDA kernels, and what each of them uses (fails on a spill)
	@python3 mk/cuda_report.py $(patsubst %,$(BUILD)/cuda/%.o.log,$(CUDA_EXACT) $(CUDA_FLASH))
# On a GPU; without one it names what was not run.
$(BUILD)/bench/cuda: tests/cuda/bench_cuda.cpp $(FLASH_LIB) $(CUDA_LIB)
	@mkdir -p $(@D)
	@$(SAY) LD $@
	$(Q)$(CXX) $(CUDA_CXXFLAGS) $(CUDA_INC) -isystem $(CUDA_HOME)/include $^ -L$(CUDA_HOME)/lib64 -lcudart_static -ldl -lrt -lpthread -o $@
# What bench_sdpa.py loads beside PyTorch.
$(BUILD)/bench/libflash.so: $(FLASH_LIB)
	@mkdir -p $(@D)
	@$(SAY) LD $@
	$(Q)$(CXX) -shared -o $@ -Wl,--whole-archive $< -Wl,--no-whole-archive -L$(CUDA_HOME)/lib64 -lcudart_static -ldl -lrt -lpthread
bench-cuda: $(BUILD)/bench/cuda $(BUILD)/bench/libflash.so ## on a GPU: packed matvec beside cuBLAS, flash forward beside PyTorch
	$< $(BUILD)/bench/cuda.json
	python3 tests/cuda/bench_sdpa.py $(BUILD)/bench/libflash.so
CUDA_TESTS := $(BUILD)/tests/cuda/test_cuda_exact $(BUILD)/tests/cuda/test_flash $(BUILD)/tests/cuda/test_flash_backward
else
cuda:
	@echo "cuda: no nvcc here, so CUDA is not built in"
bench-cuda:
	@echo "bench-cuda: no nvcc here. Not run: the packed matvec beside cuBLAS, flash forward beside PyTorch"
endif

cuda-test: $(BUILD)/tests/test_cuda_emulated $(BUILD)/tests/test_flash_emulated $(BUILD)/tests/test_flash_backward_emulated $(CUDA_TESTS) ## the CUDA kernels against the cpu device: on an emulated grid, and on a GPU if there is one
	$(BUILD)/tests/test_cuda_emulated
	$(BUILD)/tests/test_flash_emulated
	$(BUILD)/tests/test_flash_backward_emulated
	@set -e; for t in $(CUDA_TESTS); do $$t; done
	$(if $(CUDA_TESTS),,@echo "skipped: cuda on a GPU (no nvcc)")

# The parity matrix's column `cuda`, on the emulated grid.
$(BUILD)/parity/parity_cuda_emulated: $(wildcard tests/parity/*.[ch]) tests/unit/attention_case.h $(EMU_OBJ) $(BUILD)/libseedbed.a
	@mkdir -p $(@D)
	@$(SAY) LD $@
	$(Q)$(CC) $(CFLAGS) -DSB_HAVE_CUDA -Ikernels/include $(filter %.c,$^) host/device/cuda.c $(EMU_OBJ) $(BUILD)/libseedbed.a $(LDFLAGS) $(LDLIBS) -lstdc++ -o $@

.PHONY: parity-cuda-emulated
parity-cuda-emulated: $(BUILD)/parity/parity_cuda_emulated ## the matrix for the CUDA kernels on the emulated grid
	$< --device cuda --cases $(or $(CASES),10)
