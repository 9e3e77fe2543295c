# file: attn/attn_seq.sv
# the window's first key is one too late
s/- window_i + 21'd1 : 21'd0/- window_i + 21'd65 : 21'd0/
