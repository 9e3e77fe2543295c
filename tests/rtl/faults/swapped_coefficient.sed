# file: gen/lane_seedlm.sv
# q1 and q2 change places.
s/q1_q <= {side_i, word_i\[31:20\]};/q1_q <= {side_i, word_i[27:24], word_i[31:28], word_i[23:20]};/
