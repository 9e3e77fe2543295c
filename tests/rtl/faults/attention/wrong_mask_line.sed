# file: attn/attn_seq.sv
# the mask line of the next eight tokens is that of the first
s/tile_mask_q <= token_q\[9:3\]/tile_mask_q <= 7'd0/
