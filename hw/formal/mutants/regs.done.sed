# file: axi/axil_regs.sv
# bug: ap_done is not cleared by a read
s/^        done_q  <= 1'b0;\$//;/^      if (do_read/,/end/s/done_q  <= 1'b0;//
