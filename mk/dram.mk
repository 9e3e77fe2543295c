# SPDX-License-Identifier: Apache-2.0
# Unit tests of the memory model, which is no part of the host library.
#   SIM_SRC_DIR may point at a copy with a fault planted.

SIM_SRC_DIR ?= sim

$(BUILD)/tests/test_dram%: tests/unit/test_dram%.c $(SIM_SRC_DIR)/dram.c $(SIM_SRC_DIR)/dram_timing.c \
    $(SIM_SRC_DIR)/dram.h $(SIM_SRC_DIR)/dram_timing.h
	@mkdir -p $(@D)
	@$(SAY) LD $@
	$(Q)$(CC) $(CFLAGS) -I$(SIM_SRC_DIR) $< $(SIM_SRC_DIR)/dram.c $(SIM_SRC_DIR)/dram_timing.c $(LDFLAGS) $(LDLIBS) \
	  $(CHECK_LIBS) -o $@
