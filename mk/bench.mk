# SPDX-License-Identifier: Apache-2.0
# Benches write build/bench/NAME.json, a list of flat records, and print the same as a table.

SIM_DIR ?= $(BUILD)/sim

.PHONY: bench bench-perplexity bench-matvec bench-sim
bench: bench-codec bench-perplexity bench-matvec bench-sim ## every bench, one after another

bench-perplexity: $(BUILD)/seedbed ## perplexity of every codec on both models (needs the shared data)
	OPENBLAS_NUM_THREADS=1 python3 tests/bench/perplexity.py $(BUILD)/seedbed $(BUILD)/bench/perplexity.json

# QUICK=1: some row groups of the large shapes; ALL=1: the largest shapes whole.
bench-matvec: $(BUILD)/bench/bench_matvec $(SIM_DIR)/w512/libseedbed_sim.so $(SIM_DIR)/w256/libseedbed_sim.so ## where the core's cycles go, per shape, codec and memory
	$< $(SIM_DIR) $(BUILD)/bench/matvec.json $(if $(filter 1,$(QUICK)),--quick) $(if $(filter 1,$(ALL)),--all)

bench-sim: $(BUILD)/bench/bench_sim $(SIM_DIR)/w64/libseedbed_sim.so $(SIM_DIR)/w512/libseedbed_sim.so ## how fast the simulation runs
	$< $(SIM_DIR) $(BUILD)/bench/sim.json
