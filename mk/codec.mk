# SPDX-License-Identifier: Apache-2.0
# Golden vectors; the bench of the codecs.

.PHONY: golden golden-check bench-codec
golden: ## make the golden vectors again
	python3 tests/golden/make_codec.py tests/golden/codec.json
	python3 tests/golden/make_vector.py tests/golden/vector.json

# The committed vectors are what the script computes (under a minute).
golden-check: ## whether the golden vectors are what their scripts compute
	python3 tests/golden/make_codec.py --check tests/golden/codec.json
	python3 tests/golden/make_vector.py --check tests/golden/vector.json
	python3 tests/golden/make_attention.py --check

bench-codec: $(BUILD)/bench/bench_codec ## error and encoding time of every codec
	$(BUILD)/bench/bench_codec $(BUILD)/bench/codec.json
