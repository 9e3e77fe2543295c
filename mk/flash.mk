# SPDX-License-Identifier: Apache-2.0
# Attention in floating point on OpenCL.
$(BUILD)/cuda/flash_opencl.o: kernels/opencl/flash.c kernels/opencl/flash_attention.cl kernels/opencl/flash_backward.cl $(CUDA_HDR)
	@mkdir -p $(@D)
	@$(SAY) CC $<
	$(Q)$(CC) -std=c11 -O2 -g $(WARN) -Ikernels/include -c $< -o $@
$(BUILD)/tests/test_flash_opencl $(BUILD)/tests/test_flash_backward_opencl: $(BUILD)/tests/%_opencl: tests/cuda/%.cpp $(BUILD)/cuda/flash_opencl.o $(FLASH_TEST_HDR)
	@mkdir -p $(@D)
	@$(SAY) LD $@
	$(Q)$(CXX) $(CUDA_CXXFLAGS) -DSB_FLASH_OPENCL $(CUDA_INC) $(filter %.cpp %.o,$^) -lOpenCL -o $@

.PHONY: flash-test
TEST_BESIDE += flash-test
FLASH_TEST := $(if $(shell pkg-config --exists OpenCL 2>/dev/null && echo 1),$(BUILD)/tests/test_flash_opencl $(BUILD)/tests/test_flash_backward_opencl)
flash-test: $(FLASH_TEST) ## FlashSigmoid (forward, backward) and FlashAttention in OpenCL against binary64
	$(if $(FLASH_TEST),POCL_CACHE_DIR=$(abspath $(BUILD))/pocl-cache $< 96,@echo "skipped: flash on OpenCL (no headers or loader)")
	$(if $(FLASH_TEST),POCL_CACHE_DIR=$(abspath $(BUILD))/pocl-cache $(lastword $^))
