# file: vector/vec_program.sv
# bench: unit
# ROPE adds where it must subtract.
s/neg_c_o = pc_i == 5'd4;/neg_c_o = 1'b0;/
