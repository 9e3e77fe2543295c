# SPDX-License-Identifier: Apache-2.0
# Resources by Yosys, per module and in total; flat records in build/bench/synth.json.
#   make synth                                   the configurations of SYNTH_SET, one after another
#   make synth FAMILY=xc7 BUS=512 CODECS=4       one (CODECS: bit i builds codec id i in)
#   make synth FAMILY=xc7 BUS=64 UNITS=av        with the attention unit, the vector unit, or both

SYNTH_SET  ?= xc7:512:4 xc7:512:15 xc7:64:15 xcup:512:4 ecp5:64:15 ice40:64:4
SYNTH_JSON ?= $(BUILD)/bench/synth.json
CODECS     ?= 4

SYNTH_UNITS = $(if $(UNITS),PARAMS="-chparam BusW $(BUS) -chparam Codecs $(CODECS) -chparam Style 1 \
  $(if $(findstring a,$(UNITS)),-chparam Attention 3) $(if $(findstring v,$(UNITS)),-chparam Vector 1)")

.PHONY: synth
synth:
	@mkdir -p $(dir $(SYNTH_JSON)); rm -f $(SYNTH_JSON)
ifdef FAMILY
	@$(SYNTH_UNITS) RTL_DIR=$(RTL_DIR) SYNTH_BUILD=$(BUILD)/synth hw/synth/run.sh $(FAMILY) $(BUS) $(CODECS) $(SYNTH_JSON)
else
	@for s in $(SYNTH_SET); do RTL_DIR=$(RTL_DIR) SYNTH_BUILD=$(BUILD)/synth \
	  hw/synth/run.sh $$(echo $$s | tr : ' ') $(SYNTH_JSON) || exit 1; echo; done
endif
