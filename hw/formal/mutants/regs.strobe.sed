# file: axi/axil_regs.sv
# bug: byte strobes are ignored
s/merge = (old \& ~mask) | (data \& mask);/merge = data;/
