# file: core/core_units.sv
# units: v
# The vector unit's clock stops while it is at work.
s/cmd_valid_i\[1\] || vec_busy/cmd_valid_i[1]/
