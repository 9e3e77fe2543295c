# file: vector/vec_steps_map.sv
# bench: unit
# ROPE adds where it must subtract.
s/neg_c = pc_i == 5'd4;/neg_c = 1'b0;/
