# file: attn/attn_export.sv
# keys outside the tile's blocks are exported as the last ones inside it
s/if (zero_q) p_q\[384\*r +: 384\] <= '0;/if (zero_q) p_q[384*r +: 384] <= p_q[384*r +: 384];/
