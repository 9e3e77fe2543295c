# file: core/cmd_weights.sv
# bug: the record stays in front when its weights are requested
s/assign take_o = valid \&\& !refused \&\& (!matvec || done_o);/assign take_o = valid \&\& !refused \&\& !matvec;/
s/port_q <= port_q + 3'd1;/port_q <= '0;/
