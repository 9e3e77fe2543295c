# SPDX-License-Identifier: Apache-2.0
# Boards: their tops Verilated at the pins, the tests of the link, and (mk/bitstream.mk) the images.
#   make board-sim                 build/board/BOARD/board: the board behind a pseudo-terminal

BOARDS := icebreaker ulx3s
# Clocks a bit in simulation: 2 is the least that the UART takes, and every clock costs time.
BOARD_CLKS ?= 2
BOARD_DIR  ?= hw/boards
BOARD_PKG  := $(RTL_DIR)/core/seedbed_pkg.sv $(BOARD_DIR)/common/board_pkg.sv
# What the boards use of the core.
BOARD_RTL  := $(sort $(wildcard $(RTL_DIR)/gen/*.sv)) $(RTL_DIR)/matvec/act_buffer.sv $(RTL_DIR)/matvec/lane_array.sv $(RTL_DIR)/prim/delay.sv
BOARD_SRC  := $(BOARD_PKG) $(filter-out $(BOARD_PKG),$(sort $(wildcard $(BOARD_DIR)/common/*.sv))) $(BOARD_RTL)
BOARD_UPPER = $(shell echo $(1) | tr a-z A-Z)

# $(1) board
define BOARD_SIM
$(BUILD)/board/$(1)/model.a: $(BOARD_SRC) $(BOARD_DIR)/$(1)/$(1)_top.sv sim/board_model.cpp sim/board_model.h mk/sim_boards.mk
	@mkdir -p $$(@D)/obj
	@$$(SAY) SIM $$@
	$$(Q)$(VERILATE) --top $(1)_top --prefix Vtop -GClksPerBit=$(BOARD_CLKS) --Mdir $$(@D)/obj $(BOARD_SRC) $(BOARD_DIR)/$(1)/$(1)_top.sv
	$$(Q)$$(MAKE) --no-print-directory -C $$(@D)/obj -f Vtop.mk Vtop__ALL.a OPT_FAST="$(SIM_OPT)" OPT_SLOW="-O1" OPT_GLOBAL="-O2" CXX="$(CXX)" >/dev/null
	$$(Q)for f in verilated verilated_threads; do $$(SIM_CXX) -c $(VERILATOR_INC)/$$$$f.cpp -o $$(@D)/obj/$$$$f.o || exit 1; done
	$$(Q)$$(SIM_CXX) -Wall -Wextra -Isim -isystem $$(@D)/obj -DBOARD_$$(call BOARD_UPPER,$(1)) -DCLKS_PER_BIT=$(BOARD_CLKS) -c sim/board_model.cpp -o $$(@D)/obj/board_model.o
	$$(Q)rm -f $$@ && cp $$(@D)/obj/Vtop__ALL.a $$@ && ar rs $$@ $$(@D)/obj/board_model.o $$(@D)/obj/verilated.o $$(@D)/obj/verilated_threads.o 2>/dev/null

$(BUILD)/board/$(1)/board: sim/board_pty.c sim/board_model.h $(BUILD)/board/$(1)/model.a
	$$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O2 -g $(WARN) -Isim sim/board_pty.c $(BUILD)/board/$(1)/model.a -lstdc++ -lm -lpthread -latomic -o $$@
endef
$(foreach b,$(BOARDS),$(eval $(call BOARD_SIM,$(b))))

.PHONY: board-sim
board-sim: $(BOARDS:%=$(BUILD)/board/%/board) ## the boards' tops, Verilated, each behind a pseudo-terminal

# --- the link under faults --------------------------------------------------------------------------------------------------
BOARD_FAULTS ?= 600
$(BOARDS:%=$(BUILD)/board/%/test_board): $(BUILD)/board/%/test_board: tests/rtl/test_board.c sim/board_model.h $(BUILD)/board/%/model.a $(BUILD)/libseedbed.a
	$(Q)$(CC) $(CFLAGS) -Isim $< $(BUILD)/board/$*/model.a $(BUILD)/libseedbed.a $(LDFLAGS) $(LDLIBS) -lstdc++ -latomic -o $@

.PHONY: board-faults
board-faults: $(BOARDS:%=$(BUILD)/board/%/test_board) ## BOARD_FAULTS faults on the line to each Verilated board
	@set -e; for b in $(BOARDS); do $(BUILD)/board/$$b/test_board $(BOARD_FAULTS); done
