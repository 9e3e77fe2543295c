# SPDX-License-Identifier: Apache-2.0
# Proofs of the RTL: Yosys makes the model, yosys-smtbmc with z3 decides (hw/formal/proofs.txt says what).
#   make formal [QUICK=1] [PROOFS="fifo read"]   one line a proof; fails if one does
#   make formal-mutants [PROOFS=...]             every planted bug (hw/formal/mutants) must be caught
#   make formal-sby                              the same proofs as build/formal/sby/NAME.sby, for SymbiYosys

QUICK  ?= 0
PROOFS ?=

.PHONY: formal formal-mutants formal-sby
formal:
	@QUICK=$(QUICK) RTL_DIR=$(RTL_DIR) FORMAL_BUILD=$(BUILD)/formal hw/formal/run.sh proofs $(PROOFS)

formal-mutants:
	@RTL_DIR=$(RTL_DIR) FORMAL_BUILD=$(BUILD)/formal hw/formal/run.sh mutants $(PROOFS)

formal-sby:
	@RTL_DIR=$(RTL_DIR) FORMAL_BUILD=$(BUILD)/formal hw/formal/run.sh sby $(PROOFS)
