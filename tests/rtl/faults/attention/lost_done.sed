# file: core/core_units.sv
# ports: 2
# a unit's done is forgotten when another is still at work
s/else ended_q <= all_ended ? '0 : ended_q | attn_done;/else ended_q <= '0;/
