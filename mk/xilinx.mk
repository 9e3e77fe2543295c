# SPDX-License-Identifier: Apache-2.0
# Vitis kernels for cards (hw/boards/xilinx): the targets need Vivado and Vitis, their test does not.
#   make xo BOARD=u250|u280|u55c|kv260 [CODECS=4] [ACTCAP=65536]   build/xilinx/BOARD/seedbed_kernel.xo
#   make xclbin BOARD=.. PLATFORM=FILE.xpfm [TARGET=hw]    build/xilinx/BOARD/seedbed.xclbin
#   make xilinx-test                                       the scripts as far as open tools can check them

XLX      := hw/boards/xilinx
XLX_DIR  := $(BUILD)/xilinx/$(BOARD)
TARGET   ?= hw
xlx_word  = $(shell awk '$$1 == "$(BOARD)" {print $$$(1)}' $(XLX)/boards.txt)
XLX_NEED  = test -n "$(call xlx_word,2)" || { echo "xclbin: BOARD='$(BOARD)': expected one of $$(awk '$$2 ~ /^[0-9]+$$/ {printf "%s ", $$1}' $(XLX)/boards.txt)" >&2; exit 1; }

.PHONY: xo xclbin xilinx-test
xo: ## a Vitis kernel: BOARD=u250|u280|u55c|kv260 (needs Vivado)
	@$(XLX_NEED)
	@command -v vivado >/dev/null || { echo "xo: vivado is not in PATH: source its settings64.sh (hw/boards/xilinx/README.md)" >&2; exit 1; }
	@mkdir -p $(XLX_DIR)
	hw/kernel.sh $(call xlx_word,2) >$(XLX_DIR)/seedbed_kernel.sv
	$(XLX)/top.sh $(call xlx_word,2) $(call xlx_word,3) "Codecs=$(CODECS)" "Style=1" $(if $(ACTCAP),"ActCap=$(ACTCAP)") >$(XLX_DIR)/seedbed_top.v
	cd $(XLX_DIR) && vivado -mode batch -nojournal -source $(abspath $(XLX))/package_kernel.tcl -tclargs $(abspath $(RTL_DIR)) \
	  $(abspath $(XLX_DIR))/seedbed_kernel.sv $(abspath $(XLX_DIR))/seedbed_top.v $(call xlx_word,2) $(call xlx_word,5) \
	  $(abspath $(XLX_DIR))/work $(abspath $(XLX_DIR))/seedbed_kernel.xo

xclbin: ## a card's image: BOARD=.. PLATFORM=FILE.xpfm (needs Vitis; hours)
	@$(XLX_NEED)
	@test -n "$(PLATFORM)" || { echo "xclbin: PLATFORM= is missing: platforminfo -l lists them" >&2; exit 1; }
	@command -v v++ >/dev/null || { echo "xclbin: v++ is not in PATH: source Vitis' settings64.sh (hw/boards/xilinx/README.md)" >&2; exit 1; }
	+$(MAKE) --no-print-directory xo
	cd $(XLX_DIR) && v++ --link --target $(TARGET) --platform $(PLATFORM) --config $(abspath $(XLX))/$(BOARD).cfg \
	  --kernel_frequency $(call xlx_word,4) --save-temps -o seedbed.xclbin seedbed_kernel.xo
	$(XLX)/timing.sh $(XLX_DIR) $(TARGET)

xilinx-test: ## the packaging scripts, without the vendor's tools
	BUILD=$(BUILD) python3 tests/xrt/test_xilinx.py
