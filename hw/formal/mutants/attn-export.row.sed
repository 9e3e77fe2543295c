# file: attn/attn_export.sv
# bug: the next tile's rows begin a row too early
s/state_q == StSkip \&\& req_q == count_q) base_q <= line_q/state_q == StSkip \&\& req_q == count_q - 5'd1) base_q <= line_q/
