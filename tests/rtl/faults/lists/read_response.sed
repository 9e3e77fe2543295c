# file: vector/vec_load.sv
# units: v
# The vector unit works on after an error response to a read.
s/assign err_o        = take \&\& beat_err_i;/assign err_o        = 1'b0;/
