# file: attn/attn_share.sv
# ports: 2
# the results of a unit's second KV head begin where the next unit's do
s/dst_step_q  <= row_skip_q + {26'd0, row_words_i};/dst_step_q  <= {26'd0, row_words_i};/
