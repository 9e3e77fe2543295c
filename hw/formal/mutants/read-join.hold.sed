# file: axi/axi_read_join.sv
# bug: a new request of the first pushes aside one of the second that is on offer
s/assign sel_o       = held_q ? sel_q : !a_arvalid_i;/assign sel_o       = !a_arvalid_i;/
