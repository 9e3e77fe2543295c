# file: vector/vec_pass.sv
# bench: unit
# What a pass left in the pipeline lands once more in the next.
s/    valid = valid \&\& ending_q;//
