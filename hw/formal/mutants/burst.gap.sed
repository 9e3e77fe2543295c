# file: axi/axi_burst.sv
# bug: the next burst begins one beat late
s/addr_q + (64'(n) << BytesW)/addr_q + (64'(n + 9'd1) << BytesW)/
