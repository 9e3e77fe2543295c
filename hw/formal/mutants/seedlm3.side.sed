# file: gen/lane_seedlm.sv
# bug: the fourth coefficient is the third
s/q1_q <= {side_i, word_i\[31:20\]}/q1_q <= {word_i[31:28], word_i[31:20]}/
