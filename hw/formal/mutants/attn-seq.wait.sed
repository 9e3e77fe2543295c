# file: attn/attn_seq.sv
# bug: a tile of fewer than T rows is waited for forever
s/ScWait:  if (got_q == rows_q)/ScWait:  if (got_q == 5'(T))/
