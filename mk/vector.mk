# SPDX-License-Identifier: Apache-2.0
# The vector unit: benches of its parts.
#   make vector-test               what `make test` runs

VECTOR_TBS := fp_add fp_add8 fp_mul fp_mul8 fp_from_int64 fp_from_int24 fp_to_int fp_recip

# A small format is checked in all its pairs.
$(eval $(call TB_RULE,fp_add,fp_add,,-DTB_EXP=8 -DTB_MAN=23 -ffp-contract=off))
$(eval $(call TB_RULE,fp_add8,fp_add,-GExpW=4 -GManW=3,-DTB_EXP=4 -DTB_MAN=3))
$(eval $(call TB_RULE,fp_mul,fp_mul,,-DTB_EXP=8 -DTB_MAN=23 -ffp-contract=off))
$(eval $(call TB_RULE,fp_mul8,fp_mul,-GExpW=4 -GManW=3,-DTB_EXP=4 -DTB_MAN=3))
$(eval $(call TB_RULE,fp_from_int64,fp_from_int,,-DTB_IN=64 -DTB_SCALE=0))
$(eval $(call TB_RULE,fp_from_int24,fp_from_int,-GInW=24 -GScale=24,-DTB_IN=24 -DTB_SCALE=24))
$(eval $(call TB_RULE,fp_to_int,fp_to_int,,))
$(eval $(call TB_RULE,fp_recip,fp_recip,,))
$(foreach t,$(VECTOR_TBS),$(eval $(TB_DIR)/$(t)/tb: tests/rtl/fp_ops.hpp))
$(TB_DIR)/fp_mul/tb $(TB_DIR)/fp_mul8/tb: tests/rtl/tb_fp_add.cpp

.PHONY: vector-test
vector-test: $(VECTOR_TBS:%=$(TB_DIR)/%/tb) ## the vector unit and its parts against the definition
	@set -e; for t in $(VECTOR_TBS); do $(TB_DIR)/$$t/tb; done

# --- lint and area -----------------------------------------------------------------------------------------------------------
VECTOR_TOPS := lzc fp_add fp_mul fp_from_int fp_to_int fp_recip
LINT_TOPS += $(VECTOR_TOPS)
