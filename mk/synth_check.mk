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

# The same for the lanes of the ULX3S, all codecs, by the recipe of its image (hw/boards/bitstream.py). Yosys has no model of the
# multipliers: tests/rtl/ecp5_mult.v.
SYNTH_ECP5_SRC = hw/rtl/core/seedbed_pkg.sv $(BOARD_RTL) tests/rtl/lane_skewed.sv
$(BUILD)/synth/lane_ecp5.v: $(SYNTH_ECP5_SRC) mk/synth_check.mk
	@mkdir -p $(@D)
	yosys -q -e 'implicitly declared|no driver' -p "read_verilog -sv $(SYNTH_ECP5_SRC); hierarchy -check -top lane_skewed; \
	  synth_ecp5 -top lane_skewed -run begin:map_ram; maccmap -unmap; synth_ecp5 -top lane_skewed -run map_ram:; \
	  $(SYNTH_LANE_TUNE) tee -o $(@D)/lane_ecp5.txt stat; chtype -set sim_MULT18X18D t:MULT18X18D; setundef -zero; \
	  rename -top lane_gate; write_verilog -noattr $@.tmp" >$(@D)/lane_ecp5.log 2>&1 || { tail -n 3 $(@D)/lane_ecp5.log; exit 1; }
	@mv $@.tmp $@

.PHONY: synth-check-ecp5
synth-check-ecp5: $(BUILD)/synth/lane_ecp5.v tests/rtl/synth_lane.sv tests/rtl/ecp5_mult.v ## the gates of the ULX3S' lane against its RTL, each codec
	@iverilog -g2012 -I $(YOSYS_DIR)/ecp5 -Psynth_lane.Codecs=15 -Psynth_lane.Words=1100 -o $(BUILD)/synth/synth_lane_ecp5 -s synth_lane \
	  tests/rtl/synth_lane.sv $< $(SYNTH_ECP5_SRC) $(YOSYS_DIR)/ecp5/cells_sim.v tests/rtl/ecp5_mult.v 2>&1 | { grep -v 'sorry: constant selects' || true; }
	@set -e; for c in 0 1 2 3; do l=$(BUILD)/synth/synth_lane_ecp5_$$c.log; vvp -n $(BUILD)/synth/synth_lane_ecp5 +codec=$$c >$$l; grep -v finish $$l; grep -q 'words ok' $$l; done
