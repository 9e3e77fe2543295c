# file: attn/attn_seq.sv
# bug: the tile ends when all of K is asked for
s/wire        all_done = !k_left \&\& v_next == t_blocks_q;/wire        all_done = !k_left;/
