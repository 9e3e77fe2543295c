# file: prim/skid_buffer.sv
# bug: the spare word is overwritten while it waits
s/if (!full_q) spare_q <= data_i;/spare_q <= data_i;/
