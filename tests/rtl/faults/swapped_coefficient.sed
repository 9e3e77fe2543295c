# file: gen/lane_seedlm_sim.sv
# q1 and q2 change places.
s/: 4'd0, word_i\[31:20\]};/: 4'd0, word_i[27:24], word_i[31:28], word_i[23:20]};/
