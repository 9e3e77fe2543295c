# SPDX-License-Identifier: Apache-2.0
# make synth-check: the gates Yosys makes of the FPGA lane compute what the lane computes (Yosys 0.23 has lost
# sign bits when it packed products into DSPs, so a netlist is not believed unseen).
#   SYNTH_LANE_TUNE: further Yosys commands, on the netlist, e.g. to plant a fault.

YOSYS_DATA      ?= $(dir $(shell command -v yosys 2>/dev/null))../share/yosys
SYNTH_LANE_SRC  := $(RTL_SRC) tests/rtl/lane_skewed.sv
SYNTH_LANE_TUNE ?=

$(BUILD)/synth/lane_gate.v: $(SYNTH_LANE_SRC) mk/synth_check.mk
	@mkdir -p $(@D)
	yosys -q -e 'implicitly declared' -p "read_verilog -sv $(SYNTH_LANE_SRC); hierarchy -check -top lane_skewed -chparam Codecs 4; \
	  synth_xilinx -family xc7 -flatten -noiopad -noclkbuf -top lane_skewed; $(SYNTH_LANE_TUNE) tee -o $(@D)/lane_gate.txt stat; \
	  rename -top lane_gate; write_verilog -noattr $@.tmp" >$(@D)/lane_gate.log 2>&1 || { tail -n 3 $(@D)/lane_gate.log; exit 1; }
	@mv $@.tmp $@

.PHONY: synth-check
synth-check: $(BUILD)/synth/lane_gate.v tests/rtl/synth_lane.sv ## the synthesised lane's gates against its RTL
	@iverilog -g2012 -o $(BUILD)/synth/synth_lane -s synth_lane tests/rtl/synth_lane.sv $< $(RTL_SRC) $(YOSYS_DATA)/xilinx/cells_sim.v 2>&1 \
	  | { grep -v 'sorry: constant selects' || true; }
	@vvp -n $(BUILD)/synth/synth_lane | tee $(BUILD)/synth/synth_lane.log | grep -v finish; grep -q 'words ok' $(BUILD)/synth/synth_lane.log
