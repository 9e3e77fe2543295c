# SPDX-License-Identifier: Apache-2.0
# Codecs: golden vectors and the bench.

.PHONY: golden golden-check bench-codec
golden: ## make the golden vectors of the codecs again
	python3 tests/golden/make_codec.py tests/golden/codec.json

# The committed vectors are what the script computes (under a minute).
golden-check: ## whether the golden vectors are what their scripts compute
	python3 tests/golden/make_codec.py --check tests/golden/codec.json
	python3 tests/golden/make_attention.py --check

bench-codec: $(BUILD)/bench/bench_codec ## error and encoding time of every codec
	$(BUILD)/bench/bench_codec $(BUILD)/bench/codec.json
