# file: core/core_units.sv
# ports: 2
# the record is done when the first unit is
s/wire all_ended = \&(ended_q | attn_done);/wire all_ended = |attn_done;/
