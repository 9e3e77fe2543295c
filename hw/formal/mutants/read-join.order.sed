# file: axi/axi_read_join.sv
# bug: the queue of whose goes on with each beat
s/if (rvalid_i \&\& rready_i \&\& rlast_i) rptr_q/if (rvalid_i \&\& rready_i) rptr_q/
