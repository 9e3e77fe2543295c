# file: attn/attn_unit.sv
# done before the writes are answered
s/\&\& write_idle \&\& wr_idle_i;/\&\& write_idle \&\& (wr_idle_i || !wr_err_i);/
