# file: axi/axi_write.sv
# bug: done with the first response of a job
s/assign done_o     = b_pop \&\& flag;/assign done_o     = b_pop;/
