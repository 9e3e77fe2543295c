# SPDX-License-Identifier: Apache-2.0
# Images for the boards, with open tools, and the checks of them.
#   make bitstream BOARD=icebreaker|ulx3s    build/bitstream/BOARD and bitstreams/; refused if timing is missed
#   make bitstream-check [BOARD=...]         builds again and compares

BOARD ?=
BITSTREAM = VENV=$(BUILD)/venv python3 hw/boards/bitstream.py

.PHONY: bitstream bitstream-check bitstream-manifests bitstream-test board-tools
bitstream: ## an image for BOARD=icebreaker|ulx3s, with its manifest, into bitstreams/
	@case "$(BOARD)" in icebreaker|ulx3s) ;; *) echo "usage: make bitstream BOARD=icebreaker|ulx3s" >&2; exit 2;; esac
	@mk/deps.sh board
	@$(if $(filter ulx3s,$(BOARD)),$(MAKE) --no-print-directory board-tools)
	@$(BITSTREAM) build $(BOARD) $(BUILD)/bitstream/$(BOARD)
	@mkdir -p bitstreams && cp $(BUILD)/bitstream/$(BOARD)/$(BOARD).b[i][nt] $(BUILD)/bitstream/$(BOARD)/$(BOARD).manifest.json bitstreams/

bitstream-check: ## builds the images again and compares them with bitstreams/
	@mk/deps.sh board
	@$(if $(filter-out icebreaker,$(or $(BOARD),all)),$(MAKE) --no-print-directory board-tools)
	@set -e; for b in $(or $(BOARD),$(BOARDS)); do $(BITSTREAM) check $$b $(BUILD)/bitstream-check/$$b; done

bitstream-manifests: ## are the images in bitstreams/ those of their manifests?
	@$(BITSTREAM) manifests

bitstream-test: ## what is refused, with scripts in place of the tools
	@BUILD=$(BUILD) python3 tests/e2e/test_bitstream.py

board-tools: $(BUILD)/venv/.done
$(BUILD)/venv/.done: hw/boards/requirements.txt
	@$(SAY) VENV $(@D)
	$(Q)python3 -m venv $(@D) && $(@D)/bin/pip install -q -r $< && touch $@
