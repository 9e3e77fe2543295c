# file: attn/attn_export.sv
# bug: the keys before the tile's blocks are not written
s/state_q <= (part_ends \&\& (!behind || lo_q == '0)) ? StRest : StPlace;/state_q <= part_ends ? StRest : StPlace;/
