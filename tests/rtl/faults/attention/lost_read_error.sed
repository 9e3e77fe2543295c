# file: attn/attn_unit.sv
# an error response to a read is forgotten
s/beat_ready_o \&\& beat_err_i) read_err_q <= 1'b1/beat_ready_o \&\& beat_err_i) read_err_q <= 1'b0/
