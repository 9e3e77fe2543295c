# SPDX-License-Identifier: Apache-2.0
# Benches of the simulated core. Records go to build/bench/*.json.
#   make bench-matvec [QUICK=1 | ALL=1]   where the cycles go, per shape, codec and memory
#   make bench-sim                        how fast the simulation runs

SIM_DIR ?= $(BUILD)/sim

.PHONY: bench-matvec bench-sim
bench-matvec: $(BUILD)/bench/bench_matvec $(SIM_DIR)/w512/libseedbed_sim.so $(SIM_DIR)/w256/libseedbed_sim.so
	$< $(SIM_DIR) $(BUILD)/bench/matvec.json $(if $(filter 1,$(QUICK)),--quick) $(if $(filter 1,$(ALL)),--all)

bench-sim: $(BUILD)/bench/bench_sim $(SIM_DIR)/w64/libseedbed_sim.so $(SIM_DIR)/w512/libseedbed_sim.so
	$< $(SIM_DIR) $(BUILD)/bench/sim.json
