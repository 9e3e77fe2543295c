# SPDX-License-Identifier: Apache-2.0
# Benches write build/bench/NAME.json, a list of flat records, and print the same as a table.

SIM_DIR ?= $(BUILD)/sim

.PHONY: bench bench-perplexity bench-matvec bench-sim bench-token bench-decode
bench: bench-codec bench-perplexity bench-matvec bench-sim bench-token ## every bench, one after another

bench-perplexity: $(BUILD)/seedbed ## perplexity of every codec on both models (needs the shared data)
	OPENBLAS_NUM_THREADS=1 python3 tests/bench/perplexity.py $(BUILD)/seedbed $(BUILD)/bench/perplexity.json

# QUICK=1: some row groups of the large shapes; ALL=1: the largest shapes whole.
bench-matvec: $(BUILD)/bench/bench_matvec $(foreach v,w512 w256 w256p2 w256p4,$(SIM_DIR)/$(v)/libseedbed_sim.so) ## where the core's cycles go, per shape, codec and memory
	$< $(SIM_DIR) $(BUILD)/bench/matvec.json $(if $(filter 1,$(QUICK)),--quick) $(if $(filter 1,$(ALL)),--all)

bench-sim: $(BUILD)/bench/bench_sim $(SIM_DIR)/w64/libseedbed_sim.so $(SIM_DIR)/w512/libseedbed_sim.so ## how fast the simulation runs
	$< $(SIM_DIR) $(BUILD)/bench/sim.json $(REPEAT)

# ALL=1: every layer of different shape; WHOLE=1: all layers, the step as one list; MODEL=NAME: one of the models; EMBED=CODEC: of a tied table and head; KV=8: of the cache. Four channels of
# DDR4 are simulated if `make sim PORTS=4` was made, else taken in proportion.
bench-token: $(BUILD)/bench/bench_token $(foreach v,w512 w256p4,$(SIM_DIR)/$(v)/libseedbed_sim.so) ## what a whole token costs, and the tokens/s that follow for boards
	$< $(SIM_DIR) $(BUILD)/bench/token.json $(if $(filter 1,$(ALL)),--all) $(if $(filter 1,$(WHOLE)),--whole) $(if $(EMBED),--embed $(EMBED)) $(if $(KV),--kv $(KV)) $(MODEL)

# Decode steps of a whole model with random weights on a device: DEVICE=cpu|cuda|sim:..., SHAPE=openelm-270m|openelm-1.1b|llama-2-7b,
# ARGS="--codec int4 --ops ..."; on cuda PyTorch's fp16 step of the same shape beside it.
DEVICE ?= cpu
SHAPE  ?= openelm-1.1b
bench-decode: $(BUILD)/bench/bench_decode ## tokens a second of a known shape with random weights on any device
	$< --out $(BUILD)/bench/decode.json --device $(DEVICE) --shape $(SHAPE) --check models/tinystories-openelm $(ARGS)
	$(if $(filter cuda%,$(DEVICE)),python3 tests/bench/bench_decode_torch.py $(BUILD)/bench/decode_torch.json --shape tests/bench/shapes/$(SHAPE).json)
