# file: axi/axi_read.sv
# bug: the wrong bit of RRESP is kept
s/{rresp_i\[1\], rdata_i}),/{rresp_i[0], rdata_i}),/
