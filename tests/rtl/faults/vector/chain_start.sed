# file: vector/vec_lane.sv
# bench: unit
# A sum begins where the last one ended.
s/sum_first_i ? 32'd0 : chain_q/1'b0 ? 32'd0 : chain_q/
