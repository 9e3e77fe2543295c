# file: attn/attn_export.sv
# bug: the next tile's rows begin a row too early
s/else if (tile_done) base_q/else if (state_q == StSkip \&\& req_q == count_q - 5'd1) base_q/
