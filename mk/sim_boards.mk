# SPDX-License-Identifier: Apache-2.0
# Boards: their tops Verilated at the pins, the tests of the link, and (mk/bitstream.mk) the images.
#   make board-sim                 build/board/BOARD/board: the board behind a pseudo-terminal

BOARDS := icebreaker ulx3s
# Clocks a bit in simulation: 2 is the least that the UART takes, and every clock costs time.
BOARD_CLKS ?= 2
# The ULX3S' lanes in simulation: 0, the form that simulates fast (the same numbers); 1, as in the image, twice as slow.
BOARD_STYLE ?= 0
BOARD_DIR  ?= hw/boards
BOARD_BUILD ?= $(BUILD)/board
BOARD_PKG  := $(RTL_DIR)/core/seedbed_pkg.sv $(BOARD_DIR)/common/board_pkg.sv
# What the boards use of the core.
BOARD_RTL  := $(sort $(wildcard $(RTL_DIR)/gen/*.sv)) $(RTL_DIR)/matvec/act_buffer.sv $(RTL_DIR)/matvec/lane_array.sv $(RTL_DIR)/prim/delay.sv
BOARD_SRC  := $(BOARD_PKG) $(filter-out $(BOARD_PKG),$(sort $(wildcard $(BOARD_DIR)/common/*.sv))) $(BOARD_RTL)
BOARD_UPPER = $(shell echo $(1) | tr a-z A-Z)

# $(1) board
define BOARD_SIM
$(BOARD_BUILD)/$(1)/obj/Vtop__ALL.a: $(BOARD_SRC) $(BOARD_DIR)/$(1)/$(1)_top.sv
	@mkdir -p $$(@D)
	@$$(SAY) SIM $$@
	$$(Q)$(VERILATE) --top $(1)_top --prefix Vtop -GClksPerBit=$(BOARD_CLKS) $(if $(filter ulx3s,$(1)),-GStyle="1'b$(BOARD_STYLE)") --Mdir $$(@D) $(BOARD_SRC) $(BOARD_DIR)/$(1)/$(1)_top.sv
	$$(Q)$$(MAKE) --no-print-directory -C $$(@D) -f Vtop.mk Vtop__ALL.a OPT_FAST="$(SIM_OPT)" OPT_SLOW="-O1" OPT_GLOBAL="-O2" CXX="$(CXX)" >/dev/null

$(BOARD_BUILD)/$(1)/model.a: $(BOARD_BUILD)/$(1)/obj/Vtop__ALL.a sim/board_model.cpp sim/board_model.h
	$$(Q)for f in verilated verilated_threads; do $$(SIM_CXX) -c $(VERILATOR_INC)/$$$$f.cpp -o $$(@D)/obj/$$$$f.o || exit 1; done
	$$(Q)$$(SIM_CXX) -Wall -Wextra -Isim -isystem $$(@D)/obj -DBOARD_$$(call BOARD_UPPER,$(1)) -DCLKS_PER_BIT=$(BOARD_CLKS) -c sim/board_model.cpp -o $$(@D)/obj/board_model.o
	$$(Q)rm -f $$@ && cp $$< $$@ && ar rs $$@ $$(@D)/obj/board_model.o $$(@D)/obj/verilated.o $$(@D)/obj/verilated_threads.o 2>/dev/null

$(BOARD_BUILD)/$(1)/board: sim/board_pty.c sim/board_model.h $(BOARD_BUILD)/$(1)/model.a
	$$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O2 -g $(WARN) -Isim sim/board_pty.c $(BOARD_BUILD)/$(1)/model.a -lstdc++ -lm -lpthread -latomic -o $$@
endef
$(foreach b,$(BOARDS),$(eval $(call BOARD_SIM,$(b))))

.PHONY: board-sim
board-sim: $(BOARDS:%=$(BOARD_BUILD)/%/board) ## the boards' tops, Verilated, each behind a pseudo-terminal

# --- the link under faults --------------------------------------------------------------------------------------------------
BOARD_FAULTS ?= 600
$(BOARDS:%=$(BOARD_BUILD)/%/test_board): $(BOARD_BUILD)/%/test_board: tests/rtl/test_board.c sim/board_model.h $(BOARD_BUILD)/%/model.a $(BUILD)/libseedbed.a
	$(Q)$(CC) $(CFLAGS) -Isim $< $(BOARD_BUILD)/$*/model.a $(BUILD)/libseedbed.a $(LDFLAGS) $(LDLIBS) -lstdc++ -latomic -o $@

.PHONY: board-faults
board-faults: $(BOARDS:%=$(BOARD_BUILD)/%/test_board) ## BOARD_FAULTS faults on the line to each Verilated board
	@set -e; for b in $(BOARDS); do $(BOARD_BUILD)/$$b/test_board $(BOARD_FAULTS); done

# The same test on copies of the RTL with a bug planted in the link: it must fail on each.
BOARD_MUTANTS := $(basename $(notdir $(wildcard tests/rtl/board_faults/*.sed)))
.PHONY: board-mutants board-e2e board-long board-test lint-boards
board-mutants: $(BUILD)/libseedbed.a ## bugs planted in the link are seen by the test of board-faults
	@set -e; for f in $(BOARD_MUTANTS); do d=$(BUILD)/board-mutants/$$f; rm -rf $$d; mkdir -p $$d; cp -r hw/boards $$d/; \
	  sed -i -f tests/rtl/board_faults/$$f.sed $$d/boards/common/link_rx.sv; \
	  if cmp -s hw/boards/common/link_rx.sv $$d/boards/common/link_rx.sv; then echo "$$f.sed changes nothing" >&2; exit 1; fi; \
	  $(MAKE) --no-print-directory BOARD_DIR=$$d/boards BOARD_BUILD=$$d $$d/icebreaker/test_board >$$d/build.log 2>&1 || { cat $$d/build.log; exit 1; }; \
	  if timeout 900 $$d/icebreaker/test_board 2000 >$$d/run.log 2>&1; then echo "planted $$f: NOT caught"; exit 1; fi; \
	  echo "planted $$f: caught: $$(grep -m1 -E ':[0-9]+: ' $$d/run.log)"; done

board-e2e: $(BUILD)/seedbed board-sim ## tokens, verify, faults and device search through pseudo-terminals
	BUILD=$(BUILD) python3 tests/e2e/test_board.py

board-long: $(BUILD)/seedbed board-sim ## the same, with 8 tokens of every codec on the ULX3S
	BUILD=$(BUILD) BOARD_LONG=1 python3 tests/e2e/test_board.py

lint-boards: ## the packages as Verilator and Yosys read them, from the file lists
	@set -e; for t in core:seedbed_kernel attention:attn_engine vector:vector_unit icebreaker:icebreaker_top ulx3s:ulx3s_top; do l=hw/filelists/$${t%%:*}.f; \
	  (cd hw && $(VERILATOR) --lint-only -Wall rtl/waivers.vlt --top $${t##*:} -f filelists/$${t%%:*}.f); done
	@set -e; for b in $(BOARDS); do files=$$(sed -n 's#^[a-z]*/.*\.sv$$#hw/&#p' hw/filelists/$$b.f | tr '\n' ' '); \
	  yosys -q -e 'implicitly declared|no driver|conflicting' -p "read_verilog -sv $$files; hierarchy -check -top $${b}_top; proc; check -assert" \
	    >$(BUILD)/lint-$$b.log 2>&1 || { cat $(BUILD)/lint-$$b.log; exit 1; }; done
	@echo "lint-boards: ok"

board-test: ip-check bitstream-manifests bitstream-test lint-boards board-faults board-e2e ## the boards: packages, images, lint, faults, tokens

.PHONY: ip ip-check ip-fusesoc
ip: ## writes hw/*.core, Bender.yml and hw/filelists from the files on disk
	@python3 hw/ip.py write
ip-check: ## do they name every file?
	@python3 hw/ip.py check
ip-fusesoc: $(BUILD)/venv-ip/.done ## FuseSoC itself takes the .core files: found, and linted with Verilator from the files that it exports
	@set -e; for t in core attention vector icebreaker ulx3s; do w=$(abspath $(BUILD))/fusesoc/$$t; rm -rf $$w; mkdir -p $$w; \
	  $(abspath $(BUILD))/venv-ip/bin/fusesoc --cores-root hw run --target lint --work-root $$w seedbed:ip:$$t >$$w/log 2>&1 || { cat $$w/log; exit 1; }; \
	  echo "fusesoc: seedbed:ip:$$t: linted"; done
$(BUILD)/venv-ip/.done: hw/requirements.txt
	@$(SAY) VENV $(@D)
	$(Q)python3 -m venv $(@D) && $(@D)/bin/pip install -q -r $< && touch $@

# --- gate level: the same test on the iCE40 netlist, made with the image's recipe but for the clocks a bit -------------------
# Icarus made less than 1000 cycles/s of it, so it is Verilated, with Yosys' models of the cells. What the netlist's pins do
# in every cycle is hashed, as with the RTL: the outputs of the two programs, hash included, must be the same text.
GATE_FAULTS ?= 100
GATE_SV     ?= hw/boards
YOSYS_DIR   ?= $(shell yosys-config --datdir 2>/dev/null || echo /usr/share/yosys)
ICE40_CELLS ?= $(YOSYS_DIR)/ice40/cells_sim.v
GATE        := $(BOARD_BUILD)/icebreaker-gate
GATE_SRC     = $(BOARD_PKG) $(filter-out $(BOARD_PKG) %/lanes_engine.sv,$(sort $(wildcard $(GATE_SV)/common/*.sv))) $(GATE_SV)/icebreaker/icebreaker_top.sv
$(GATE)/gate.v: $(GATE_SRC)
	@mkdir -p $(@D)
	$(Q)yosys -q -e 'implicitly declared|no driver' -l $(@D)/yosys.log -p "read_verilog -sv $(GATE_SRC); chparam -set ClksPerBit $(BOARD_CLKS) icebreaker_top; \
	  hierarchy -check -top icebreaker_top; synth_ice40 -top icebreaker_top -run begin:map_ram; maccmap -unmap; \
	  synth_ice40 -top icebreaker_top -run map_ram:; splitnets; setundef -zero; write_verilog -noattr $@"

$(GATE)/model.a: $(GATE)/gate.v sim/board_model.cpp sim/board_model.h
	@mkdir -p $(@D)/obj
	$(Q)$(VERILATOR) --cc -O3 --x-assign fast --x-initial unique --noassert -Wno-fatal -Wno-lint -Wno-style -Wno-TIMESCALEMOD -DNO_ICE40_DEFAULT_ASSIGNMENTS \
	  --top icebreaker_top --prefix Vtop --Mdir $(@D)/obj $(GATE)/gate.v $(ICE40_CELLS) >$(@D)/verilator.log 2>&1 || { cat $(@D)/verilator.log; exit 1; }
	$(Q)$(MAKE) --no-print-directory -C $(@D)/obj -f Vtop.mk Vtop__ALL.a OPT_FAST="-O1" OPT_SLOW="-O0" OPT_GLOBAL="-O1" CXX="$(CXX)" >/dev/null
	$(Q)for f in verilated verilated_threads; do $(SIM_CXX) -c $(VERILATOR_INC)/$$f.cpp -o $(@D)/obj/$$f.o || exit 1; done
	$(Q)$(SIM_CXX) -Wall -Wextra -Isim -isystem $(@D)/obj -DBOARD_ICEBREAKER -DCLKS_PER_BIT=$(BOARD_CLKS) -c sim/board_model.cpp -o $(@D)/obj/board_model.o
	$(Q)rm -f $@ && cp $(@D)/obj/Vtop__ALL.a $@ && ar rs $@ $(@D)/obj/board_model.o $(@D)/obj/verilated.o $(@D)/obj/verilated_threads.o 2>/dev/null

$(GATE)/test_board: tests/rtl/test_board.c sim/board_model.h $(GATE)/model.a $(BUILD)/libseedbed.a
	$(Q)$(CC) $(CFLAGS) -Isim $< $(GATE)/model.a $(BUILD)/libseedbed.a $(LDFLAGS) $(LDLIBS) -lstdc++ -latomic -o $@

.PHONY: gate-check
gate-check: $(GATE)/test_board $(BOARD_BUILD)/icebreaker/test_board ## the iCE40 netlist equals the RTL: results, and pins in every cycle
	@$(BOARD_BUILD)/icebreaker/test_board $(GATE_FAULTS) >$(GATE)/rtl.txt || { cat $(GATE)/rtl.txt; exit 1; }
	@$(GATE)/test_board $(GATE_FAULTS) >$(GATE)/gate.txt || { cat $(GATE)/gate.txt; exit 1; }
	@cat $(GATE)/gate.txt; cmp $(GATE)/rtl.txt $(GATE)/gate.txt && echo "gate-check: netlist and RTL did the same"
