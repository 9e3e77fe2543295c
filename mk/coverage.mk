# SPDX-License-Identifier: Apache-2.0
# Line coverage of the RTL, merged over the module benches and the core bench.
#   make coverage        table per file; fails under COVER_MIN percent of all lines

COVER_MIN ?= 95
COVER_DIR := $(BUILD)/coverage

# The benches are those of mk/sim.mk, built apart with line counters; a model writes them where the
# environment says (sim/cover.hpp).
COVER_RUN := tests/rtl/cover.sh

.PHONY: coverage
coverage:
	@BUILD=$(COVER_DIR) COVER_MIN=$(COVER_MIN) MAKE="$(MAKE)" $(COVER_RUN)
