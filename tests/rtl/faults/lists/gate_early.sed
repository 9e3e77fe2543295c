# file: core/seedbed_core.sv
# units: v
# The vector unit's clock stops while it is at work.
s/unit_valid\[1\] || unit_busy\[1\]/unit_valid[1]/
