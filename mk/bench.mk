# SPDX-License-Identifier: Apache-2.0
# Benches write build/bench/NAME.json, a list of flat records, and print the same as a table.

.PHONY: bench bench-perplexity
bench: bench-codec bench-perplexity ## every bench, one after another

bench-perplexity: $(BUILD)/seedbed ## perplexity of every codec on both models (needs the shared data)
	OPENBLAS_NUM_THREADS=1 python3 tests/bench/perplexity.py $(BUILD)/seedbed $(BUILD)/bench/perplexity.json
